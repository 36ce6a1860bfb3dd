package agenthttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"golang.org/x/sync/semaphore"
)

// Backend is the server that the handler calls, such as a *controller.Controller
// of package job/controller. It is safe for concurrent use. Now is the time by
// [Options.Clock].
//
// If an error wraps manifest.ErrBadToken, ErrAssetExists, ErrUnknownAsset,
// ErrInvalid or ErrUnavailable, the agent gets its text. Any other error is
// logged, and the agent gets an internal error without it.
type Backend interface {
	// Trust returns every version of the server's trust document. It is public.
	Trust() manifest.Chain
	// Enrol makes the caller an asset. The enrolment has passed its Validate;
	// the backend judges the token. The same enrolment again (same asset, same
	// key) must succeed again, because the first answer may have been lost.
	Enrol(ctx context.Context, e manifest.Enrolment, now time.Time) (manifest.Enrolled, error)
	// Secrets returns the secrets that may authenticate an asset's calls, or
	// manifest.ErrUnknownAsset. There is one for the asset's key keyID and each
	// exchange key of the server, the newest first. The handler calls it for
	// every request, before it trusts or reads anything.
	Secrets(ctx context.Context, asset job.AssetID, keyID string) ([]manifest.Secret, error)
	// CheckIn answers a call. The request is authenticated as the asset and the
	// key that it names, and has passed its Validate. It may arrive more than
	// once, and late (MAN-6).
	CheckIn(ctx context.Context, in manifest.CheckIn, now time.Time) (manifest.Answer, error)
	// Leave removes the asset, at its own request, if it still has that key.
	Leave(ctx context.Context, asset job.AssetID, keyID string, now time.Time) error
}

// Options are a handler's settings.
type Options struct {
	// Clock is the server's clock. Default time.Now.
	Clock func() time.Time
	// Logger gets the backend's errors that agents do not see. Default: none.
	Logger *slog.Logger
	// MaxBodies is the most bytes of request bodies held at a time, over all
	// connections, as sent and decompressed. Requests beyond it are answered as
	// unavailable. Enrolments, whose senders are not known yet, have a separate
	// pool of a sixteenth of it. Default 64 MiB.
	MaxBodies int64
}

// NewHandler serves the routes from backend. Mount it at the root of the base
// URL that agents use; below a path, use http.StripPrefix. It is safe for
// concurrent use and starts no goroutine. It panics if backend is nil.
func NewHandler(backend Backend, options Options) http.Handler {
	if backend == nil {
		panic("agenthttp.NewHandler: the backend is nil")
	}
	if options.Clock == nil {
		options.Clock = time.Now
	}
	options.Logger = cmp.Or(options.Logger, slog.New(slog.DiscardHandler))
	options.MaxBodies = cmp.Or(options.MaxBodies, 64<<20)
	h := &handler{backend, options, semaphore.NewWeighted(options.MaxBodies), semaphore.NewWeighted(options.MaxBodies / 16)}
	mux := http.NewServeMux()
	mux.HandleFunc(PathTrust, h.route(http.MethodGet, h.trust))
	mux.HandleFunc(PathEnrol, h.route(http.MethodPost, h.enrol))
	mux.HandleFunc(PathCheckIn, h.route(http.MethodPost, h.checkIn))
	mux.HandleFunc(PathLeave, h.route(http.MethodPost, h.leave))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p := newProblem(NotFound, "path %.200q does not exist", r.URL.Path)
		p.write(w, p.body())
	})
	return mux
}

type handler struct {
	backend Backend
	Options
	bodies, enrolments *semaphore.Weighted
}

type request struct {
	*http.Request
	w      http.ResponseWriter
	signed signed // as claimed, until proven
	proof  string
	secret *manifest.Secret // the asset's, once the request has proven its sender
	held   int64            // bytes taken from a pool of bodies
}

func (h *handler) route(method string, serve func(*request) *Problem) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		in := &request{Request: r, w: w}
		var p *Problem
		if r.Method != method {
			w.Header().Set("Allow", method)
			p = newProblem(WrongMethod, "method %.32q is not allowed here", r.Method)
		} else {
			p = serve(in)
		}
		if p != nil {
			body := p.body()
			in.prove(p.Status, body)
			p.write(w, body)
		}
	}
}

// prove authenticates an answer if the sender is known.
func (r *request) prove(status int, body []byte) {
	if r.secret != nil {
		r.w.Header().Set(HeaderProof, answerProof(*r.secret, r.proof, status, body))
	}
}

func (h *handler) trust(r *request) *Problem {
	return h.answer(r, trustAnswer{h.backend.Trust()})
}

type trustAnswer struct {
	Trust manifest.Chain `json:"trust"`
}

// claims reads who claims to call, and when. It is cheap and runs before
// anything is looked up or read.
func (r *request) claims() *Problem {
	if !isMedia(r.Header.Get("Content-Type"), mediaJSON) {
		return newProblem(WrongType, "Content-Type %.64q is not %s", r.Header.Get("Content-Type"), mediaJSON)
	}
	for _, name := range []string{HeaderAsset, HeaderKey, HeaderTime, HeaderContent, HeaderProof} {
		if n := len(r.Header.Values(name)); n != 1 {
			return newProblem(NotSigned, "header %s is present %d times; send it once", name, n)
		}
	}
	r.proof = r.Header.Get(HeaderProof)
	r.signed = signed{
		method: r.Method, target: r.URL.Path, asset: job.AssetID(r.Header.Get(HeaderAsset)), key: r.Header.Get(HeaderKey),
		content: r.Header.Get(HeaderContent),
	}
	if r.URL.RawQuery != "" {
		r.signed.target += "?" + r.URL.RawQuery
	}
	if err := job.ValidID(string(r.signed.asset)); err != nil {
		return newProblem(NotSigned, "%s: %v", HeaderAsset, err)
	}
	var err error
	if r.signed.time, err = parseTime(r.Header.Get(HeaderTime)); err != nil {
		return newProblem(NotSigned, "%s: %v", HeaderTime, err)
	}
	return nil
}

// inTime refuses a request that was not made now. It runs after the proof, so
// that the agent can trust the refusal and the time in it.
func (h *handler) inTime(r *request) *Problem {
	now := h.Clock()
	if away := r.signed.time.Sub(now).Abs(); away > ReplayWindow {
		p := newProblem(Clock, "the request's time %s differs from the server's by %v", formatTime(r.signed.time), away.Round(time.Second))
		p.Now = now.UTC()
		return p
	}
	return nil
}

// admit accepts only a request of an enrolled asset. It reads only the headers.
// An asset that is not enrolled gets the same answer as one whose proof is
// wrong.
func (h *handler) admit(r *request) *Problem {
	if p := r.claims(); p != nil {
		return p
	}
	secrets, err := h.backend.Secrets(r.Context(), r.signed.asset, r.signed.key)
	if p, known := problemOf(err); err != nil && (!known || p.Kind != UnknownAsset) && !errors.Is(err, manifest.ErrExchange) {
		return h.problem(r, err)
	}
	for _, s := range secrets {
		if r.signed.provenBy(s, r.proof) {
			r.secret = &s
			return h.inTime(r)
		}
	}
	return newProblem(NotSigned, "the request does not prove that an enrolled asset sent it")
}

// enrol takes the key from the enrolment itself. The signature proves that the
// sender owns the key, the token that it may enrol.
func (h *handler) enrol(r *request) *Problem {
	if p := r.claims(); p != nil {
		return p
	}
	_ = http.NewResponseController(r.w).SetReadDeadline(time.Now().Add(enrolTime)) // a ResponseRecorder has no deadline
	defer func() { h.enrolments.Release(r.held) }()
	var e manifest.Enrolment
	if p := r.decode(&e, MaxEnrolment, h.enrolments, "enrolment"); p != nil {
		return p
	}
	if err := e.Validate(); err != nil {
		return h.problem(r, err)
	}
	if e.Asset != r.signed.asset || manifest.Fingerprint(e.Key) != r.signed.key {
		return newProblem(Invalid, "the enrolment of asset %q has another name or key than its headers", e.Asset)
	}
	if !r.signed.signedBy(e.Key, r.proof) {
		return newProblem(NotSigned, "the signature over this request is not by asset %q's key", e.Asset)
	}
	if len(e.Exchange) == 0 {
		return newProblem(Invalid, "the enrolment has no exchange key, so later calls could not be proven")
	}
	if p := h.inTime(r); p != nil {
		return p
	}
	enrolled, err := h.backend.Enrol(r.Context(), e, h.Clock())
	if err != nil {
		return h.problem(r, err)
	}
	secrets, err := h.backend.Secrets(r.Context(), enrolled.Asset, r.signed.key)
	if err == nil && len(secrets) == 0 {
		err = errors.New("the server has no exchange key")
	}
	if err != nil {
		return h.problem(r, err)
	}
	r.secret = &secrets[0]
	return h.answer(r, enrolled)
}

func (h *handler) checkIn(r *request) *Problem {
	if p := h.admit(r); p != nil {
		return p
	}
	defer func() { h.bodies.Release(r.held) }()
	var in manifest.CheckIn
	if p := r.decode(&in, MaxRequest, h.bodies, "check-in"); p != nil {
		return p
	}
	if in.Asset != r.signed.asset {
		return newProblem(Invalid, "the check-in is for asset %q but was sent by %q", in.Asset, r.signed.asset)
	}
	in.Key = r.signed.key
	if err := in.Validate(); err != nil {
		return h.problem(r, err)
	}
	answer, err := h.backend.CheckIn(r.Context(), in, h.Clock())
	if err != nil {
		return h.problem(r, err)
	}
	answer.At = answer.At.UTC()
	return h.answer(r, answer)
}

func (h *handler) leave(r *request) *Problem {
	if p := h.admit(r); p != nil {
		return p
	}
	if err := h.backend.Leave(r.Context(), r.signed.asset, r.signed.key, h.Clock()); err != nil {
		return h.problem(r, err)
	}
	return h.answer(r, struct{}{})
}

func (h *handler) answer(r *request, v any) *Problem {
	body, err := json.Marshal(v)
	if err != nil {
		return h.problem(r, err)
	}
	r.prove(http.StatusOK, body)
	head := r.w.Header()
	head.Set("Content-Type", mediaJSON)
	head.Set("Vary", "Accept-Encoding")
	if acceptsGzip(strings.Join(r.Header.Values("Accept-Encoding"), ",")) {
		var compressed bool
		if body, compressed = compress(body); compressed {
			head.Set("Content-Encoding", "gzip")
		}
	}
	head.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = r.w.Write(body) // if it fails, the agent is gone
	return nil
}

// problem turns a backend's error into a problem for the agent, and logs an
// error that the agent does not see.
func (h *handler) problem(r *request, err error) *Problem {
	p, known := problemOf(err)
	if !known {
		h.Logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "agent request failed",
			slog.String("path", r.URL.Path), slog.String("asset", string(r.signed.asset)), slog.Any("error", err))
	}
	return p
}

// NewServer returns a server for handler with timeouts that keep a slow or
// silent peer from holding a connection: 10 s for the headers, 1 min for a
// whole request, 1 min for the handler and its answer, 2 min between requests.
// Headers have at most [MaxHeader] bytes.
//
// An agent that sends less than 140 kB/s may need more time for a request of
// [MaxRequest]; for such agents use a server with other timeouts. NewServer
// panics if handler is nil, because net/http would then serve whatever else the
// program has registered.
func NewServer(addr string, handler http.Handler) *http.Server {
	if handler == nil {
		panic("agenthttp.NewServer: the handler is nil")
	}
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute, // from the end of the headers: 1 min to read, 1 min to answer
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    MaxHeader,
	}
}

// FromController returns the Server of package job/runner for an agent in the
// same process as its server. A nil clock is time.Now. It panics if c is nil.
func FromController(c Backend, clock func() time.Time) Local {
	if c == nil {
		panic("agenthttp.FromController: the controller is nil")
	}
	if clock == nil {
		clock = time.Now
	}
	return Local{c, clock}
}

// Local calls a server in the same process. Make one with [FromController]. It is
// safe for concurrent use.
type Local struct {
	backend Backend
	now     func() time.Time
}

// CheckIn calls the server.
func (l Local) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	return l.backend.CheckIn(ctx, in, l.now())
}
