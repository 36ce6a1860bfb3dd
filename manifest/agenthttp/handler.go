package agenthttp

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Backend is the server behind the handler. It is safe for concurrent use.
//
// Errors that wrap one of package manifest's (ErrBadToken, ErrAssetExists, ErrUnknownAsset, ErrInvalid, ErrUnavailable)
// are told to the agent with their text; any other is logged and answered as an internal error without it.
type Backend interface {
	// Enrol makes the caller an asset. The enrolment has passed its Validate; the token is the backend's to judge.
	// The same enrolment again (same asset, same key) must succeed again, because the first answer may have been lost.
	Enrol(ctx context.Context, e manifest.Enrolment) (manifest.Enrolled, error)
	// AssetKey returns the key an asset enrolled with, or ErrUnknownAsset. It is asked at every request, before anything is believed.
	AssetKey(ctx context.Context, asset job.AssetID) (ed25519.PublicKey, error)
	// CheckIn answers a call. The request was signed by the asset it names and has passed its Validate.
	// It may arrive more than once, and late (MAN-6).
	CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error)
}

// Options are a handler's settings.
type Options struct {
	// Clock is the server's clock. Default time.Now.
	Clock func() time.Time
	// Logger gets what agents are not told: errors of the backend. Default: discarded.
	Logger *slog.Logger
}

// NewHandler serves the two routes from backend. Mount it at the root of the base URL that agents are given;
// behind a path use http.StripPrefix. It is safe for concurrent use and starts no goroutine.
func NewHandler(backend Backend, options Options) http.Handler {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	options.Logger = cmp.Or(options.Logger, slog.New(slog.DiscardHandler))
	h := &handler{backend, options}
	mux := http.NewServeMux()
	mux.HandleFunc(PathEnrol, h.route(h.enrol))
	mux.HandleFunc(PathCheckIn, h.route(h.checkIn))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		newProblem(NotFound, "there is no %.200q here", r.URL.Path).write(w)
	})
	return mux
}

type handler struct {
	backend Backend
	Options
}

// request is a request on its way through a route.
type request struct {
	*http.Request
	w     http.ResponseWriter
	asset job.AssetID // as claimed
	time  time.Time   // as claimed, within the replay window
}

func (h *handler) route(serve func(request) *Problem) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		in := request{Request: r, w: w}
		p := h.admit(&in)
		if p == nil {
			p = serve(in)
		}
		if p != nil {
			p.write(w)
		}
	}
}

// admit checks the method, the type, who says to have signed, and when. It is cheap, and comes before anything is looked
// up or read.
func (h *handler) admit(r *request) *Problem {
	if r.Method != http.MethodPost {
		r.w.Header().Set("Allow", http.MethodPost)
		return newProblem(WrongMethod, "%.32q is not possible here", r.Method)
	}
	if !isMedia(r.Header.Get("Content-Type"), mediaJSON) {
		return newProblem(WrongType, "Content-Type %.64q is not %s", r.Header.Get("Content-Type"), mediaJSON)
	}
	for _, name := range []string{HeaderAsset, HeaderTime, HeaderSignature} {
		if n := len(r.Header.Values(name)); n != 1 {
			return newProblem(NotSigned, "the header %s is there %d times", name, n)
		}
	}
	r.asset = job.AssetID(r.Header.Get(HeaderAsset))
	if err := job.ValidID(string(r.asset)); err != nil {
		return newProblem(NotSigned, "%s: %v", HeaderAsset, err)
	}
	var err error
	if r.time, err = parseTime(r.Header.Get(HeaderTime)); err != nil {
		return newProblem(NotSigned, "%s: %v", HeaderTime, err)
	}
	now := h.Clock()
	if away := r.time.Sub(now).Abs(); away > ReplayWindow {
		p := newProblem(Clock, "the request's time %s is %v away from the server's", formatTime(r.time), away.Round(time.Second))
		p.Now = now.UTC()
		return p
	}
	return nil
}

// signed checks the signature over the request and body.
func (r request) signed(key ed25519.PublicKey, body []byte) *Problem {
	s := signed{method: r.Method, target: r.URL.Path, asset: r.asset, time: r.time, body: body}
	if r.URL.RawQuery != "" {
		s.target += "?" + r.URL.RawQuery
	}
	if !s.holds(key, r.Header.Get(HeaderSignature)) {
		return newProblem(NotSigned, "the signature is not asset %q's over this request", r.asset)
	}
	return nil
}

// enrol takes the key from the enrolment itself: the signature proves that the sender owns it, the token that it may enrol.
func (h *handler) enrol(r request) *Problem {
	body, p := readBody(r, MaxEnrolment)
	if p != nil {
		return p
	}
	text, p := plain(r, body, MaxEnrolment)
	if p != nil {
		return p
	}
	var e manifest.Enrolment
	if err := json.Unmarshal(text, &e); err != nil {
		return newProblem(Invalid, "the enrolment cannot be read: %v", err)
	}
	if err := e.Validate(); err != nil {
		return h.problem(r, err)
	}
	if e.Asset != r.asset {
		return newProblem(Invalid, "the enrolment is for asset %q, signed as %q", e.Asset, r.asset)
	}
	if p := r.signed(e.Key, body); p != nil {
		return p
	}
	enrolled, err := h.backend.Enrol(r.Context(), e)
	if err != nil {
		return h.problem(r, err)
	}
	return h.answer(r, enrolled)
}

func (h *handler) checkIn(r request) *Problem {
	key, err := h.backend.AssetKey(r.Context(), r.asset)
	if err != nil {
		return h.problem(r, err)
	}
	body, p := readBody(r, MaxRequest)
	if p != nil {
		return p
	}
	if p := r.signed(key, body); p != nil {
		return p
	}
	text, p := plain(r, body, MaxRequest)
	if p != nil {
		return p
	}
	if n := elements(text); n > MaxElements {
		return newProblem(TooLarge, "the lists of the check-in have %d elements; at most %d are allowed", n, MaxElements)
	}
	var in manifest.CheckIn
	if err := json.Unmarshal(text, &in); err != nil {
		return newProblem(Invalid, "the check-in cannot be read: %v", err)
	}
	if in.Asset != r.asset {
		return newProblem(Invalid, "the check-in is of asset %q, signed by %q", in.Asset, r.asset)
	}
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

// answer writes a success.
func (h *handler) answer(r request, v any) *Problem {
	body, err := json.Marshal(v)
	if err != nil {
		return h.problem(r, err)
	}
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
func (h *handler) problem(r request, err error) *Problem {
	p, known := problemOf(err)
	if !known {
		h.Logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "agent request failed",
			slog.String("path", r.URL.Path), slog.String("asset", string(r.asset)), slog.Any("error", err))
	}
	return p
}
