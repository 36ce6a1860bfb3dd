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

func paged(serve func(r *http.Request, after string, limit int) (any, error)) useCase {
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

func (h handler) changing(serve useCase) useCase {
	return func(r *http.Request) (any, error) {
		defer h.Changed()
		return serve(r)
	}
}

func reading[T any](serve func(r *http.Request, in T) (any, error)) useCase {
	return func(r *http.Request) (any, error) {
		var in T
		if err := decodeStrict(r.Body, &in, false); is[*http.MaxBytesError](err) {
			return nil, err
		} else if err != nil {
			return nil, badRequest{err}
		}
		return serve(r, in)
	}
}

// instant reads a parameter, zero if it is not given.
func instant(r *http.Request, name string) (at time.Time, err error) {
	if text := r.URL.Query().Get(name); text != "" {
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			err = badRequest{fmt.Errorf("%s %.80q is not a time; write it like 2026-01-02T15:04:05Z", name, text)}
		}
	}
	return at, err
}

func (h handler) makeToken(r *http.Request, in NewToken) (any, error) {
	secret := token.NewEnrolment()
	made, err := h.Controller.AddToken(r.Context(), secret, controller.Token{Name: in.Name, Uses: in.Uses, Tags: in.Tags, Names: in.Names, Expires: in.Expires}, time.Now())
	return MadeToken{secret, made}, err
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
	return h.Controller.SaveJob(r.Context(), d, time.Now())
}

func (h handler) deleteJob(r *http.Request) (any, error) {
	force := r.URL.Query().Get("force")
	if force != "" && force != "true" && force != "false" {
		return nil, badRequest{fmt.Errorf("force is %.40q; want true or false", force)}
	}
	return nil, h.Controller.DeleteJob(r.Context(), jobID(r), force == "true", time.Now())
}

func (h handler) enableJob(r *http.Request) (any, error) {
	run, err := h.Controller.EnableJob(r.Context(), jobID(r), time.Now())
	if err != nil {
		return nil, err
	}
	outlook, err := h.Controller.Outlook(r.Context(), jobID(r), time.Now())
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
		return h.Controller.PreviewFleet(r.Context(), jobID(r), time.Now())
	}
	status, err := h.Controller.Job(r.Context(), jobID(r))
	if err != nil {
		return nil, err
	}
	plan, selected, err := h.Controller.Preview(r.Context(), status.Definition, id, time.Now())
	return Preview{selected, plan}, err
}

func (h handler) missing(r *http.Request) (any, error) {
	id := job.AssetID(r.URL.Query().Get("asset"))
	if id == "" {
		return h.Controller.MissingFleet(r.Context(), time.Now())
	}
	return list(h.Controller.Missing(r.Context(), id, time.Now()))
}

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

func (h handler) events(r *http.Request, _ string, limit int) (any, error) {
	before, err := instant(r, "before")
	if err != nil {
		return nil, err
	}
	return list(h.Controller.Events(r.Context(), before, limit))
}

func (h handler) failures(r *http.Request, _ string, limit int) (_ any, err error) {
	q := r.URL.Query()
	f := controller.FailureFilter{Asset: job.AssetID(q.Get("asset")), Patch: catalog.PatchID(q.Get("patch")), Limit: limit, Page: q.Get("page")}
	if f.From, err = instant(r, "from"); err != nil {
		return nil, err
	}
	if f.To, err = instant(r, "to"); err != nil {
		return nil, err
	}
	if text := q.Get("code"); text != "" {
		if f.Code, err = job.ParseCode(text); err != nil {
			return nil, badRequest{err}
		}
	}
	return h.Controller.Failures(r.Context(), f)
}
