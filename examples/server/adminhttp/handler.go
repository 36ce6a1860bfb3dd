package adminhttp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Options are a handler's settings.
type Options struct {
	Controller *controller.Controller // required
	Token      string                 // the administrator's; empty: every request is refused
	Logger     *slog.Logger           // default: discarded
	Changed    func()                 // called after a job changed, because the next Tick may be due earlier; may be nil
	// Sync fetches the feeds now. It accepts older data from the feed named, if any.
	Sync func(ctx context.Context, acceptOlder catalog.FeedID) (Synced, error)
	// Syncing says what the sync that runs does; empty: none runs. It may be nil.
	Syncing func() string
	// Lately returns what changed in the catalog lately. It may be nil.
	Lately func() []CatalogChange
}

// userHeader names the user of a request. Whoever has the token may give any
// name: it is for people who work together, and no proof.
const userHeader = "Patchpolicy-User"

type handler struct{ Options }

// NewHandler serves the routes of the package documentation. It is safe for
// concurrent use. It panics without a controller.
func NewHandler(o Options) http.Handler {
	if o.Controller == nil {
		panic("adminhttp.NewHandler: the controller is missing")
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Lately == nil {
		o.Lately = func() []CatalogChange { return nil }
	}
	if o.Syncing == nil {
		o.Syncing = func() string { return "" }
	}
	h := handler{o}
	mux := http.NewServeMux()
	for call, serve := range h.routes() {
		call, parameters, _ := strings.Cut(call, "?")
		method, path, _ := strings.Cut(call, " ")
		mux.HandleFunc(method+" "+Prefix+path, h.serve(strings.Fields(strings.ReplaceAll(parameters, "&", " ")), serve))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, &Error{Text: fmt.Sprintf("there is no %s %.200q here", r.Method, r.URL.Path)})
	})
	return Guard(h.Token, mux)
}

// Guard lets requests with the administrator's token through to next, and no
// other. An empty token lets none through.
func Guard(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		have := sha256.Sum256([]byte(given))
		if !ok || token == "" || subtle.ConstantTimeCompare(have[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, &Error{Text: "the administrator's token is missing or wrong"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h handler) serve(parameters []string, serve useCase) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		r = r.WithContext(controller.As(r.Context(), r.Header.Get(userHeader)))
		for name, values := range r.URL.Query() {
			if !slices.Contains(parameters, name) || len(values) > 1 {
				answer(w, http.StatusBadRequest, &Error{Text: fmt.Sprintf("parameter %.80q is unknown here, or given twice", name)})
				return
			}
		}
		body, err := serve(r)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		if body == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, http.StatusOK, body)
	}
}

// badRequest is a request that cannot be understood.
type badRequest struct{ error }

func (h handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := &Error{Text: err.Error()}
	var wire *Error
	switch {
	case errors.As(err, &wire):
		e = wire
	case is[*http.MaxBytesError](err):
		e.Status, e.Text = http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is over %d bytes", maxBody)
	case is[*controller.UnfinishedError](err): // the request was valid: the orders failed for another reason
		h.Logger.Error("administration", "method", r.Method, "path", r.URL.Path, "err", err)
		e.Status, e.Text = http.StatusInternalServerError, "the change is stored; its orders follow at the next tick (see the server's log)"
	case is[badRequest](err), errors.Is(err, controller.ErrBadPage):
		e.Status = http.StatusBadRequest
	case is[*controller.NotFoundError](err):
		e.Status = http.StatusNotFound
	case is[*controller.FollowedError](err), is[*controller.RolloutRefused](err):
		e.Status = http.StatusConflict
	case is[*job.Invalid](err), is[*controller.BoundError](err), is[*job.CoDependent](err):
		e.Status = http.StatusUnprocessableEntity
		if invalid, ok := errors.AsType[*job.Invalid](err); ok {
			e.Text, e.Problems = refusal(invalid), invalid.Problems
		}
	case errors.Is(err, controller.ErrClosed):
		e.Status, e.Text = http.StatusServiceUnavailable, "the server is stopping"
	default:
		h.Logger.Error("administration", "method", r.Method, "path", r.URL.Path, "err", err)
		e.Status, e.Text = http.StatusInternalServerError, "internal error; see the server's log"
	}
	answer(w, e.Status, e)
}

// refusal says in one line what is refused, with the reason if it is one.
func refusal(invalid *job.Invalid) string {
	if len(invalid.Problems) != 1 {
		return fmt.Sprintf("%s is refused for %d reasons", invalid.What, len(invalid.Problems))
	}
	p := invalid.Problems[0]
	where := p.Field
	if p.Value != "" {
		where = strings.TrimSpace(fmt.Sprintf("%s %q", where, p.Value))
	}
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s is refused: %s%s", invalid.What, where, p.Text)
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // fails only if the client is gone
}

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

func (h handler) checkJob(r *http.Request) (any, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	d, err := ParseDefinition(data)
	if err != nil {
		return nil, badRequest{err}
	}
	return list(h.Controller.CheckJob(r.Context(), d, time.Now()))
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
	q := r.URL.Query()
	f := controller.MissingFilter{Patch: catalog.PatchID(q.Get("patch")), CVE: q.Get("cve"), Exploited: q.Get("exploited") == "true"}
	if text := q.Get("severity"); text != "" {
		var err error
		if f.Severity, err = catalog.ParseSeverity(text); err != nil {
			return nil, badRequest{err}
		}
	}
	if text := q.Get("exploited"); text != "" && text != "true" && text != "false" {
		return nil, badRequest{fmt.Errorf("exploited is %.40q; want true or false", text)}
	}
	id := job.AssetID(q.Get("asset"))
	if id == "" {
		return h.Controller.MissingFleet(r.Context(), f, time.Now())
	}
	return h.Controller.MissingRisks(r.Context(), id, f, time.Now())
}

func (h handler) patches(r *http.Request, after string, limit int) (any, error) {
	snap, err := h.Controller.Snapshot(r.Context())
	if err := cmp.Or(err, pageOf(limit)); err != nil {
		return nil, err
	}
	product, found := catalog.ProductID(r.URL.Query().Get("product")), []catalog.Patch{}
	if _, known := snap.Product(product); product != "" && !known {
		return nil, &controller.NotFoundError{Kind: "product", ID: string(product)}
	}
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
