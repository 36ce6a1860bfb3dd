package adminhttp

import (
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
	Controller *controller.Controller                                                         // required
	Token      string                                                                         // the administrator's; required
	Clock      func() time.Time                                                               // default time.Now
	Logger     *slog.Logger                                                                   // default: discarded
	Changed    func()                                                                         // told after a job changed, so that the next Tick comes early; may be nil
	Sync       func(ctx context.Context, acceptOlder catalog.FeedID) (catalog.Changes, error) // fetches the feeds now
}

type handler struct{ Options }

// NewHandler serves the routes of the package's documentation. It is safe for concurrent use. It panics without a controller.
func NewHandler(o Options) http.Handler {
	if o.Controller == nil {
		panic("adminhttp.NewHandler: the controller is missing")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	h := handler{o}
	mux := http.NewServeMux()
	for _, r := range h.routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		mux.HandleFunc(method+" "+Prefix+path, h.serve(r))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, &Error{Text: fmt.Sprintf("there is no %s %.200q here", r.Method, r.URL.Path)})
	})
	return h.guard(mux)
}

type route struct {
	pattern string   // method and path below Prefix
	query   []string // parameters it takes
	serve   func(*http.Request) (any, error)
}

func (h handler) routes() []route {
	c := h.Controller
	page := []string{"after", "limit"}
	return []route{
		{"POST tokens", nil, h.makeToken},
		{"GET tokens", nil, func(r *http.Request) (any, error) { return list(c.Tokens(r.Context())) }},
		{"DELETE tokens/{id}", nil, func(r *http.Request) (any, error) { return nil, c.RemoveToken(r.Context(), r.PathValue("id"), h.Clock()) }},
		{"GET assets", page, h.assets},
		{"GET assets/{id}", nil, func(r *http.Request) (any, error) { return c.Asset(r.Context(), asset(r), h.Clock()) }},
		{"PUT assets/{id}/tags", nil, h.tag},
		{"POST assets/{id}/settle", nil, func(r *http.Request) (any, error) { return nil, c.SettleClone(r.Context(), asset(r), h.Clock()) }},
		{"DELETE assets/{id}", nil, func(r *http.Request) (any, error) { return nil, c.RemoveAsset(r.Context(), asset(r), h.Clock()) }},
		{"GET jobs", page, h.jobs},
		{"GET jobs/{id}", nil, func(r *http.Request) (any, error) { return c.Job(r.Context(), jobID(r)) }},
		{"PUT jobs/{id}", nil, h.saveJob},
		{"DELETE jobs/{id}", []string{"force"}, h.changing(h.deleteJob)},
		{"POST jobs/{id}/enable", nil, h.changing(func(r *http.Request) (any, error) {
			run, err := c.EnableJob(r.Context(), jobID(r), h.Clock())
			return Enabled{run}, err
		})},
		{"POST jobs/{id}/run", nil, h.changing(func(r *http.Request) (any, error) {
			run, err := c.RunJob(r.Context(), jobID(r), h.Clock())
			return Enabled{run}, err
		})},
		{"POST jobs/{id}/disable", nil, h.changing(func(r *http.Request) (any, error) { return nil, c.DisableJob(r.Context(), jobID(r), h.Clock()) })},
		{"GET jobs/{id}/given-up", []string{"limit"}, func(r *http.Request) (any, error) {
			n, err := limit(r)
			if err != nil {
				return nil, err
			}
			return c.GivenUp(r.Context(), jobID(r), n)
		}},
		{"POST jobs/{id}/retry", []string{"asset", "patch"}, func(r *http.Request) (any, error) {
			q := r.URL.Query()
			return nil, c.RetryPatch(r.Context(), jobID(r), job.AssetID(q.Get("asset")), catalog.PatchID(q.Get("patch")), h.Clock())
		}},
		{"POST jobs/{id}/cancel", nil, func(r *http.Request) (any, error) { return cancelled(c.CancelJob(r.Context(), jobID(r), h.Clock())) }},
		{"GET jobs/{id}/runs", page, h.runs},
		{"GET jobs/{id}/preview", []string{"asset"}, h.preview},
		{"GET runs/{id}", nil, func(r *http.Request) (any, error) { return c.Run(r.Context(), runID(r)) }},
		{"GET runs/{id}/assets", page, h.runAssets},
		{"POST runs/{id}/cancel", nil, func(r *http.Request) (any, error) { return cancelled(c.CancelRun(r.Context(), runID(r), h.Clock())) }},
		{"GET reports/failed-installs", nil, func(r *http.Request) (any, error) {
			n, err := c.FailedInstalls(r.Context())
			return FailedInstalls{n}, err
		}},
		{"GET reports/failures", []string{"from", "to", "asset", "patch", "code", "limit", "page"}, h.failures},
		{"GET reports/missing", []string{"asset"}, func(r *http.Request) (any, error) {
			return list(c.Missing(r.Context(), job.AssetID(r.URL.Query().Get("asset")), h.Clock()))
		}},
		{"GET reports/reboots", []string{"limit"}, h.limited(func(ctx context.Context, n int) (any, error) { return c.PendingReboots(ctx, n) })},
		{"GET reports/cancels", []string{"limit"}, h.limited(func(ctx context.Context, n int) (any, error) { return c.PendingCancels(ctx, n) })},
		{"GET reports/cloned", []string{"limit"}, h.limited(func(ctx context.Context, n int) (any, error) { return c.Cloned(ctx, n, h.Clock()) })},
		{"GET reports/silent", []string{"limit"}, h.limited(func(ctx context.Context, n int) (any, error) { return c.Silent(ctx, n, h.Clock()) })},
		{"GET reports/feeds", nil, func(r *http.Request) (any, error) { return c.Feeds(r.Context(), h.Clock()) }},
		{"GET reports/unreachable", nil, func(r *http.Request) (any, error) { return c.Unreachable(r.Context()) }},
		{"GET custom-urls", nil, func(r *http.Request) (any, error) { return list(c.CustomURLs(r.Context())) }},
		{"PUT custom-urls", nil, h.customURLs},
		{"POST sync", []string{"accept-older"}, func(r *http.Request) (any, error) {
			return h.Sync(r.Context(), catalog.FeedID(r.URL.Query().Get("accept-older")))
		}},
	}
}

// guard lets nothing through without the administrator's token.
func (h handler) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(h.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		have := sha256.Sum256([]byte(token))
		if !ok || h.Token == "" || subtle.ConstantTimeCompare(have[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, &Error{Text: "the administrator's token is missing or wrong"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Guard protects another handler with the same token.
func Guard(token string, next http.Handler) http.Handler {
	return handler{Options{Token: token}}.guard(next)
}

func (h handler) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		for name, values := range r.URL.Query() {
			if !slices.Contains(rt.query, name) || len(values) > 1 {
				answer(w, http.StatusBadRequest, &Error{Text: fmt.Sprintf("parameter %.80q is not known here, or given twice", name)})
				return
			}
		}
		body, err := rt.serve(r)
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

// fail answers with the status that the kind of error calls for.
func (h handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := &Error{Text: err.Error()}
	var wire *Error
	switch {
	case errors.As(err, &wire):
		e = wire
	case is[*http.MaxBytesError](err):
		e.Status, e.Text = http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is over %d bytes", maxBody)
	case is[*controller.UnfinishedError](err): // whatever kept the orders from following is no fault of the request
		h.Logger.Error("administration", "method", r.Method, "path", r.URL.Path, "err", err)
		e.Status, e.Text = http.StatusInternalServerError, "the change is stored; its orders follow at the next tick (see the server's log)"
	case is[badRequest](err), errors.Is(err, controller.ErrBadPage):
		e.Status = http.StatusBadRequest
	case is[*controller.NotFoundError](err):
		e.Status = http.StatusNotFound
	case is[*controller.FollowedError](err):
		e.Status = http.StatusConflict
	case is[*job.Invalid](err), is[*controller.BoundError](err), is[*job.CoDependent](err):
		e.Status = http.StatusUnprocessableEntity
		if invalid, ok := errors.AsType[*job.Invalid](err); ok {
			e.Text, e.Problems = invalid.What+" is not valid", invalid.Problems
		}
	case errors.Is(err, controller.ErrClosed):
		e.Status, e.Text = http.StatusServiceUnavailable, "the server is stopping"
	default:
		h.Logger.Error("administration", "method", r.Method, "path", r.URL.Path, "err", err)
		e.Status, e.Text = http.StatusInternalServerError, "internal error; see the server's log"
	}
	answer(w, e.Status, e)
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
	_ = encoder.Encode(body) // the client has gone
}

func asset(r *http.Request) job.AssetID { return job.AssetID(r.PathValue("id")) }
func jobID(r *http.Request) job.ID      { return job.ID(r.PathValue("id")) }
func runID(r *http.Request) job.RunID   { return job.RunID(r.PathValue("id")) }

// list makes an empty list of none.
func list[T any](items []T, err error) (any, error) {
	if items == nil {
		items = []T{}
	}
	return items, err
}

func cancelled(report controller.CancelReport, err error) (any, error) {
	if refused, ok := errors.AsType[*controller.CancelRefused](err); ok {
		return nil, &Error{Status: http.StatusConflict, Text: refused.Error(), Report: &report}
	}
	return report, err
}

// changing tells that the next Tick may be due earlier.
func (h handler) changing(serve func(*http.Request) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		defer h.Changed()
		return serve(r)
	}
}

func limit(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badRequest{fmt.Errorf("limit %.40q is no number", text)}
	}
	return n, nil
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

func (h handler) deleteJob(r *http.Request) (any, error) {
	force := r.URL.Query().Get("force")
	if force != "" && force != "true" && force != "false" {
		return nil, badRequest{fmt.Errorf("force is %.40q; want true or false", force)}
	}
	return nil, h.Controller.DeleteJob(r.Context(), jobID(r), force == "true", h.Clock())
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
		return nil, badRequest{fmt.Errorf("the job says it is %.80q, the address %.80q", d.ID, jobID(r))}
	}
	defer h.Changed()
	return h.Controller.SaveJob(r.Context(), d, h.Clock())
}
