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

	"golang.org/x/sync/semaphore"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Backend is the server behind the handler. It is safe for concurrent use.
//
// Errors that wrap one of package manifest's (ErrBadToken, ErrAssetExists, ErrUnknownAsset, ErrInvalid, ErrUnavailable)
// are told to the agent with their text; any other is logged and answered as an internal error without it.
type Backend interface {
	// Trust returns every version of the server's trust document. It is public.
	Trust() manifest.Chain
	// Enrol makes the caller an asset. The enrolment has passed its Validate; the token is the backend's to judge.
	// The same enrolment again (same asset, same key) must succeed again, because the first answer may have been lost.
	Enrol(ctx context.Context, e manifest.Enrolment) (manifest.Enrolled, error)
	// Secrets returns what the calls of an asset may be authenticated by: for each exchange key of the server, the newest first, its secret with the
	// key of that name; or ErrUnknownAsset. It is asked at every request, before anything is believed or read.
	Secrets(ctx context.Context, asset job.AssetID, keyID string) ([]manifest.Secret, error)
	// CheckIn answers a call. The request was authenticated as the asset and the key that it names, and has passed its
	// Validate. It may arrive more than once, and late (MAN-6).
	CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error)
	// Leave removes the asset, which asked for it itself, if it still has that key.
	Leave(ctx context.Context, asset job.AssetID, keyID string) error
}

// Options are a handler's settings.
type Options struct {
	// Clock is the server's clock. Default time.Now.
	Clock func() time.Time
	// Logger gets what agents are not told: errors of the backend. Default: discarded.
	Logger *slog.Logger
	// MaxBodies is how many bytes of request bodies are held at a time, over all connections, as sent and decompressed.
	// What is over it is answered as unavailable. Enrolments, whose senders nobody knows yet, have a sixteenth of it for
	// themselves. Default 64 MiB.
	MaxBodies int64
}

// NewHandler serves the routes from backend. Mount it at the root of the base URL that agents are given;
// behind a path use http.StripPrefix. It is safe for concurrent use and starts no goroutine. It panics if backend is nil.
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
		p := newProblem(NotFound, "there is no %.200q here", r.URL.Path)
		p.write(w, p.body())
	})
	return mux
}

type handler struct {
	backend Backend
	Options
	bodies, enrolments *semaphore.Weighted
}

// request is a request on its way through a route.
type request struct {
	*http.Request
	w      http.ResponseWriter
	signed signed // as claimed
	proof  string
	secret *manifest.Secret // the asset's, once the request has proven that it is the asset's
	held   int64            // bytes of bodies that it holds
}

func (h *handler) route(method string, serve func(*request) *Problem) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		in := &request{Request: r, w: w}
		var p *Problem
		if r.Method != method {
			w.Header().Set("Allow", method)
			p = newProblem(WrongMethod, "%.32q is not possible here", r.Method)
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

// prove authenticates an answer, if the asset that asked is known.
func (r *request) prove(status int, body []byte) {
	if r.secret != nil {
		r.w.Header().Set(HeaderProof, answerProof(*r.secret, r.proof, status, body))
	}
}

func (h *handler) trust(r *request) *Problem {
	return h.answer(r, trustAnswer{h.backend.Trust()})
}

// trustAnswer is the answer of PathTrust.
type trustAnswer struct {
	Trust manifest.Chain `json:"trust"`
}

// claims reads who says to be calling, and when. It is cheap, and comes before anything is looked up or read.
func (r *request) claims() *Problem {
	if !isMedia(r.Header.Get("Content-Type"), mediaJSON) {
		return newProblem(WrongType, "Content-Type %.64q is not %s", r.Header.Get("Content-Type"), mediaJSON)
	}
	for _, name := range []string{HeaderAsset, HeaderKey, HeaderTime, HeaderContent, HeaderProof} {
		if n := len(r.Header.Values(name)); n != 1 {
			return newProblem(NotSigned, "the header %s is there %d times", name, n)
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

// inTime wants a request that is proven to be made now. It comes after the proof, so that the refusal, and the time in it, can
// be believed.
func (h *handler) inTime(r *request) *Problem {
	now := h.Clock()
	if away := r.signed.time.Sub(now).Abs(); away > ReplayWindow {
		p := newProblem(Clock, "the request's time %s is %v away from the server's", formatTime(r.signed.time), away.Round(time.Second))
		p.Now = now.UTC()
		return p
	}
	return nil
}

// admit wants a request of an enrolled asset. It reads the headers alone. Who is not enrolled gets the same answer as who cannot
// prove to be.
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
	return newProblem(NotSigned, "the request is not proven to be of an enrolled asset")
}

// enrol takes the key from the enrolment itself: the signature proves that the sender owns it, the token that it may enrol.
func (h *handler) enrol(r *request) *Problem {
	if p := r.claims(); p != nil {
		return p
	}
	_ = http.NewResponseController(r.w).SetReadDeadline(time.Now().Add(enrolTime)) // no such thing in tests of the handler alone
	defer func() { h.enrolments.Release(r.held) }()
	var e manifest.Enrolment
	if p := r.decode(&e, MaxEnrolment, h.enrolments, "enrolment"); p != nil {
		return p
	}
	if err := e.Validate(); err != nil {
		return h.problem(r, err)
	}
	if e.Asset != r.signed.asset || manifest.Fingerprint(e.Key) != r.signed.key {
		return newProblem(Invalid, "the enrolment is for asset %q with another name or key than it is signed by", e.Asset)
	}
	if !r.signed.signedBy(e.Key, r.proof) {
		return newProblem(NotSigned, "the signature is not asset %q's over this request", e.Asset)
	}
	if len(e.Exchange) == 0 {
		return newProblem(Invalid, "the enrolment has no exchange key: without one no later call can be proven")
	}
	if p := h.inTime(r); p != nil {
		return p
	}
	enrolled, err := h.backend.Enrol(r.Context(), e)
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
		return newProblem(Invalid, "the check-in is of asset %q, sent by %q", in.Asset, r.signed.asset)
	}
	in.Key = r.signed.key
	if err := in.Validate(); err != nil {
		return h.problem(r, err)
	}
	answer, err := h.backend.CheckIn(r.Context(), in)
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
	if err := h.backend.Leave(r.Context(), r.signed.asset, r.signed.key); err != nil {
		return h.problem(r, err)
	}
	return h.answer(r, struct{}{})
}

// answer writes a success.
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
	_, _ = r.w.Write(body) // the agent is gone: nobody to tell
	return nil
}

// problem turns an error of the backend into what the agent is told, and logs what it is not.
func (h *handler) problem(r *request, err error) *Problem {
	p, known := problemOf(err)
	if !known {
		h.Logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "agent request failed",
			slog.String("path", r.URL.Path), slog.String("asset", string(r.signed.asset)), slog.Any("error", err))
	}
	return p
}
