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

// Options are a handler's settings.
type Options struct {
	// Clock is the server's clock. Default time.Now.
	Clock func() time.Time
	// Logger gets what agents are not told: errors of the backend. Default: discarded.
	Logger *slog.Logger
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o
}

// NewHandler serves the three routes from backend. Mount it at the root of the base URL that agents are given;
// behind a path use http.StripPrefix. It is safe for concurrent use and starts no goroutine.
func NewHandler(backend Backend, options Options) http.Handler {
	h := &handler{backend, options.withDefaults()}
	mux := http.NewServeMux()
	mux.Handle(PathEnrol, h.route(PathEnrol, http.MethodPost, h.enrol))
	mux.Handle(PathCheckIn, h.route(PathCheckIn, http.MethodPost, h.checkIn))
	mux.Handle(PathManifest, h.route(PathManifest, http.MethodGet, h.manifest))
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
	path  string
	asset job.AssetID // as claimed
	time  time.Time   // as claimed, within the replay window
}

func (h *handler) route(path, method string, serve func(request) *Problem) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		p := func() *Problem {
			if r.Method != method {
				w.Header().Set("Allow", method)
				return newProblem(WrongMethod, "%.32q is not possible here", r.Method)
			}
			if method == http.MethodPost && !isMedia(r.Header.Get("Content-Type"), mediaJSON) {
				return newProblem(WrongType, "Content-Type %.64q is not %s", r.Header.Get("Content-Type"), mediaJSON)
			}
			asset, at, p := h.claims(r)
			if p != nil {
				return p
			}
			return serve(request{r, w, path, asset, at})
		}()
		if p != nil {
			p.write(w)
		}
	})
}

// claims reads who says to have signed, and when. It is cheap, and comes before anything is looked up or read.
func (h *handler) claims(r *http.Request) (job.AssetID, time.Time, *Problem) {
	for _, name := range []string{HeaderAsset, HeaderTime, HeaderSignature} {
		if n := len(r.Header.Values(name)); n != 1 {
			return "", time.Time{}, newProblem(NotSigned, "the header %s is there %d times", name, n)
		}
	}
	asset := r.Header.Get(HeaderAsset)
	if err := job.ValidID(asset); err != nil {
		return "", time.Time{}, newProblem(NotSigned, "%s: %v", HeaderAsset, err)
	}
	at, err := parseTime(r.Header.Get(HeaderTime))
	if err != nil {
		return "", time.Time{}, newProblem(NotSigned, "%s: %v", HeaderTime, err)
	}
	now := h.Clock()
	if away := at.Sub(now).Abs(); away > ReplayWindow {
		p := newProblem(Clock, "the request's time %s is %v away from the server's", formatTime(at), away.Round(time.Second))
		p.Now = now.UTC()
		return "", time.Time{}, p
	}
	return job.AssetID(asset), at, nil
}

// signed checks the signature over the request and body.
func (r request) signed(key ed25519.PublicKey, body []byte) *Problem {
	s := signed{method: r.Method, target: r.path, asset: r.asset, time: r.time, body: body}
	if r.URL.RawQuery != "" {
		s.target += "?" + r.URL.RawQuery
	}
	if !s.holds(key, r.Header.Get(HeaderSignature)) {
		return newProblem(NotSigned, "the signature is not asset %q's over this request", r.asset)
	}
	return nil
}

// authentic reads a request's body once it is known which key must have signed it.
func (h *handler) authentic(r request) ([]byte, *Problem) {
	key, err := h.backend.AssetKey(r.Context(), r.asset)
	if err != nil {
		return nil, h.problem(r, err)
	}
	body, p := readBody(r.w, r.Request, MaxRequest)
	if p != nil {
		return nil, p
	}
	if p := r.signed(key, body); p != nil {
		return nil, p
	}
	return plain(body, r.Header.Get("Content-Encoding"), MaxRequest)
}

// enrol takes the key from the enrolment itself: the signature proves that the sender owns it, the token that it may enrol.
func (h *handler) enrol(r request) *Problem {
	body, p := readBody(r.w, r.Request, MaxEnrolment)
	if p != nil {
		return p
	}
	text, p := plain(body, r.Header.Get("Content-Encoding"), MaxEnrolment)
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
	text, p := h.authentic(r)
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
	answer, p := h.call(r, in)
	if p != nil {
		return p
	}
	return h.answer(r, answer)
}

// manifest is the check-in of an agent that has nothing to tell.
func (h *handler) manifest(r request) *Problem {
	if _, p := h.authentic(r); p != nil {
		return p
	}
	in, err := parseQuery(r.asset, r.URL.RawQuery)
	if err != nil {
		return newProblem(Invalid, "%v", err)
	}
	answer, p := h.call(r, in)
	if p != nil {
		return p
	}
	if answer.Manifest == nil && !answer.WantInventory && r.Header.Get("If-None-Match") == etag(in.Held) {
		head := r.w.Header()
		head.Set("ETag", etag(in.Held))
		head.Set(HeaderTime, formatTime(answer.At))
		head.Set(HeaderAcknowledged, strconv.FormatUint(uint64(answer.Acknowledged), 10))
		r.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return h.answer(r, answer)
}

func (h *handler) call(r request, in manifest.CheckIn) (manifest.Answer, *Problem) {
	if err := in.Validate(); err != nil {
		return manifest.Answer{}, h.problem(r, err)
	}
	answer, err := h.backend.CheckIn(r.Context(), in)
	if err != nil {
		return manifest.Answer{}, h.problem(r, err)
	}
	answer.At = answer.At.UTC()
	return answer, nil
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
		small, compressed, err := compress(body)
		if err != nil {
			return h.problem(r, err)
		}
		if body = small; compressed {
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
			slog.String("path", r.path), slog.String("asset", string(r.asset)), slog.Any("error", err))
	}
	return p
}
