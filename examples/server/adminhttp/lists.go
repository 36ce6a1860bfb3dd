package adminhttp

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (h handler) assets(r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	return list(h.Controller.Assets(r.Context(), job.AssetID(r.URL.Query().Get("after")), n, h.Clock()))
}

func (h handler) jobs(r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	return list(h.Controller.Jobs(r.Context(), job.ID(r.URL.Query().Get("after")), n))
}

func (h handler) runs(r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	return list(h.Controller.Runs(r.Context(), jobID(r), job.RunID(r.URL.Query().Get("after")), n))
}

func (h handler) runAssets(r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	return list(h.Controller.RunAssets(r.Context(), runID(r), job.AssetID(r.URL.Query().Get("after")), n))
}

func (h handler) preview(r *http.Request) (any, error) {
	status, err := h.Controller.Job(r.Context(), jobID(r))
	if err != nil {
		return nil, err
	}
	plan, selected, err := h.Controller.Preview(r.Context(), status.Definition, job.AssetID(r.URL.Query().Get("asset")), h.Clock())
	return Preview{selected, plan}, err
}

func (h handler) limited(serve func(context.Context, int) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		n, err := limit(r)
		if err != nil {
			return nil, err
		}
		return serve(r.Context(), n)
	}
}

func (h handler) failures(r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	f := controller.FailureFilter{Asset: job.AssetID(q.Get("asset")), Patch: catalog.PatchID(q.Get("patch")), Limit: n, Page: q.Get("page")}
	for _, t := range []struct {
		name string
		to   *time.Time
	}{{"from", &f.From}, {"to", &f.To}} {
		if text := q.Get(t.name); text != "" {
			if *t.to, err = time.Parse(time.RFC3339, text); err != nil {
				return nil, badRequest{fmt.Errorf("%s %.80q is no time as 2026-01-02T15:04:05Z", t.name, text)}
			}
		}
	}
	if text := q.Get("code"); text != "" {
		if f.Code, err = job.ParseCode(text); err != nil {
			return nil, badRequest{err}
		}
	}
	return h.Controller.Failures(r.Context(), f)
}
