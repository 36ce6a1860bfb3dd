package adminhttp

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func asset(r *http.Request) job.AssetID { return job.AssetID(r.PathValue("id")) }
func jobID(r *http.Request) job.ID      { return job.ID(r.PathValue("id")) }
func runID(r *http.Request) job.RunID   { return job.RunID(r.PathValue("id")) }

// list returns an empty list, not null, when there are no items.
func list[T any](items []T, err error) (any, error) {
	if items == nil {
		items = []T{}
	}
	return items, err
}

// paged reads the parameters after and limit.
func paged(serve func(r *http.Request, after string, limit int) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		limit, text := 100, r.URL.Query().Get("limit")
		if text != "" {
			var err error
			if limit, err = strconv.Atoi(text); err != nil {
				return nil, badRequest{fmt.Errorf("limit %.40q is not a number", text)}
			}
		}
		return serve(r, r.URL.Query().Get("after"), limit)
	}
}

// changing calls Changed afterwards.
func (h handler) changing(serve func(*http.Request) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		defer h.Changed()
		return serve(r)
	}
}

func body(r *http.Request, v any) error {
	err := decodeStrict(r.Body, v, false)
	if err != nil && !is[*http.MaxBytesError](err) {
		return badRequest{err}
	}
	return err
}

func (h handler) makeToken(r *http.Request) (any, error) {
	var in NewToken
	if err := body(r, &in); err != nil {
		return nil, err
	}
	secret := token.NewEnrolment()
	made, err := h.Controller.AddToken(r.Context(), secret, controller.Token{Name: in.Name, Uses: in.Uses, Tags: in.Tags, Names: in.Names, Expires: in.Expires}, h.Clock())
	return MadeToken{secret, made}, err
}

func (h handler) tag(r *http.Request) (any, error) {
	var tags []string
	if err := body(r, &tags); err != nil {
		return nil, err
	}
	return nil, h.Controller.TagAsset(r.Context(), asset(r), tags, h.Clock())
}

func (h handler) customURLs(r *http.Request) (any, error) {
	var urls []catalog.CustomURL
	if err := body(r, &urls); err != nil {
		return nil, err
	}
	return nil, h.Controller.SetCustomURLs(r.Context(), urls, h.Clock())
}

func (h handler) saveJob(r *http.Request) (any, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	d, err := ParseDefinition(data)
	if err != nil {
		return nil, badRequest{err}
	}
	if d.ID != jobID(r) {
		return nil, badRequest{fmt.Errorf("the job's id is %.80q in the body and %.80q in the address", d.ID, jobID(r))}
	}
	defer h.Changed()
	return h.Controller.SaveJob(r.Context(), d, h.Clock())
}

func (h handler) deleteJob(r *http.Request) (any, error) {
	force := r.URL.Query().Get("force")
	if force != "" && force != "true" && force != "false" {
		return nil, badRequest{fmt.Errorf("force is %.40q; want true or false", force)}
	}
	return nil, h.Controller.DeleteJob(r.Context(), jobID(r), force == "true", h.Clock())
}

func (h handler) enableJob(r *http.Request) (any, error) {
	run, err := h.Controller.EnableJob(r.Context(), jobID(r), h.Clock())
	if err != nil {
		return nil, err
	}
	outlook, err := h.Controller.Outlook(r.Context(), jobID(r), h.Clock())
	if err != nil { // the job is enabled all the same
		h.Logger.Error("outlook", "job", jobID(r), "err", err)
		return Enabled{Run: run}, nil
	}
	return Enabled{run, &outlook}, nil
}

func cancelled(report controller.CancelReport, err error) (any, error) {
	if is[*controller.CancelRefused](err) {
		return nil, &Error{Status: http.StatusConflict, Text: err.Error(), Report: &report}
	}
	return report, err
}

func (h handler) preview(r *http.Request) (any, error) {
	id := job.AssetID(r.URL.Query().Get("asset"))
	if id == "" {
		return h.Controller.PreviewFleet(r.Context(), jobID(r), h.Clock())
	}
	status, err := h.Controller.Job(r.Context(), jobID(r))
	if err != nil {
		return nil, err
	}
	plan, selected, err := h.Controller.Preview(r.Context(), status.Definition, id, h.Clock())
	return Preview{selected, plan}, err
}

func (h handler) missing(r *http.Request) (any, error) {
	id := job.AssetID(r.URL.Query().Get("asset"))
	if id == "" {
		return h.Controller.MissingFleet(r.Context(), h.Clock())
	}
	return list(h.Controller.Missing(r.Context(), id, h.Clock()))
}

// patches lists the catalog's patches by id.
func (h handler) patches(r *http.Request, after string, limit int) (any, error) {
	if limit < 1 || limit > controller.MaxPage {
		return nil, &controller.BoundError{What: "page", Have: limit, Limit: controller.MaxPage}
	}
	snap, err := h.Controller.Snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	product, found := catalog.ProductID(r.URL.Query().Get("product")), []catalog.Patch{}
	for p := range snap.Patches() {
		if string(p.ID) > after && (product == "" || p.Product == product) && len(found) < limit {
			found = append(found, p)
		}
	}
	return found, nil
}

func (h handler) events(r *http.Request, _ string, limit int) (_ any, err error) {
	var before time.Time
	if text := r.URL.Query().Get("before"); text != "" {
		if before, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, badRequest{fmt.Errorf("before %.80q is not a time; write it like 2026-01-02T15:04:05Z", text)}
		}
	}
	return list(h.Controller.Events(r.Context(), before, limit))
}

func (h handler) failures(r *http.Request, _ string, limit int) (_ any, err error) {
	q := r.URL.Query()
	f := controller.FailureFilter{Asset: job.AssetID(q.Get("asset")), Patch: catalog.PatchID(q.Get("patch")), Limit: limit, Page: q.Get("page")}
	for _, t := range []struct {
		name string
		to   *time.Time
	}{{"from", &f.From}, {"to", &f.To}} {
		if text := q.Get(t.name); text != "" {
			if *t.to, err = time.Parse(time.RFC3339, text); err != nil {
				return nil, badRequest{fmt.Errorf("%s %.80q is not a time; write it like 2026-01-02T15:04:05Z", t.name, text)}
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
