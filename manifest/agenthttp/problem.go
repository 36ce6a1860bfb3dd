package agenthttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Kind says why a server refused a request. It is a URI.
type Kind string

// The kinds, each with its HTTP status.
const (
	BadToken     Kind = "urn:patchpolicy:problem:bad-token"     // 403: manifest.ErrBadToken
	AssetExists  Kind = "urn:patchpolicy:problem:asset-exists"  // 409: manifest.ErrAssetExists
	UnknownAsset Kind = "urn:patchpolicy:problem:unknown-asset" // 401: manifest.ErrUnknownAsset
	Invalid      Kind = "urn:patchpolicy:problem:invalid"       // 400: manifest.ErrInvalid
	Unavailable  Kind = "urn:patchpolicy:problem:unavailable"   // 503: manifest.ErrUnavailable
	NotSigned    Kind = "urn:patchpolicy:problem:not-signed"    // 401: the request does not prove that an enrolled asset sent it
	Clock        Kind = "urn:patchpolicy:problem:clock"         // 401: the request's time is not within ReplayWindow of Problem.Now
	TooLarge     Kind = "urn:patchpolicy:problem:too-large"     // 413: over MaxRequest, MaxElements or MaxEnrolment
	WrongType    Kind = "urn:patchpolicy:problem:wrong-type"    // 415: not JSON, or compressed other than by gzip
	WrongMethod  Kind = "urn:patchpolicy:problem:wrong-method"  // 405
	NotFound     Kind = "urn:patchpolicy:problem:not-found"     // 404
	Internal     Kind = "urn:patchpolicy:problem:internal"      // 500: see the server's log
)

// about is what a problem of each kind carries.
var about = map[Kind]struct {
	status int
	is     error // the sentinel it stands for
	hint   string
}{
	BadToken:     {http.StatusForbidden, manifest.ErrBadToken, "Ask the administrator for a new enrolment token."},
	AssetExists:  {http.StatusConflict, manifest.ErrAssetExists, "Enrol under another name, or ask the administrator to remove the old asset."},
	UnknownAsset: {http.StatusUnauthorized, manifest.ErrUnknownAsset, "Enrol this agent again."},
	Invalid:      {http.StatusBadRequest, manifest.ErrInvalid, "Use the same release of server and agent."},
	Unavailable:  {http.StatusServiceUnavailable, manifest.ErrUnavailable, "Try again later."},
	NotSigned:    {http.StatusUnauthorized, nil, "If this asset was removed, or its key is lost, enrol it again."},
	Clock:        {http.StatusUnauthorized, nil, `Sign again with the time in "now", and set this machine's clock.`},
	TooLarge:     {http.StatusRequestEntityTooLarge, nil, "Send fewer reports at a time."},
	WrongType:    {http.StatusUnsupportedMediaType, nil, "Send application/json, plain or with Content-Encoding: gzip."},
	WrongMethod:  {http.StatusMethodNotAllowed, nil, "Use a method of the Allow header."},
	NotFound:     {http.StatusNotFound, nil, "Check the server's base URL: routes begin with /v1/agent/ after it."},
	Internal:     {http.StatusInternalServerError, nil, "Try again later; the server's log says more."},
}

// Problem is a refusal as it travels over the wire (RFC 9457,
// application/problem+json), and the error that a [Client] returns for it.
// errors.Is finds the sentinel of package manifest for its kind.
type Problem struct {
	Kind   Kind      `json:"type"`  // empty: the answer is not from a handler; a later release may have more kinds
	Title  string    `json:"title"` // of the HTTP status
	Status int       `json:"status"`
	Text   string    `json:"error"`
	Hint   string    `json:"hint"`
	Now    time.Time `json:"now,omitzero"` // the server's clock; only for Clock

	// Authentic says that the server itself answered this very request.
	// Otherwise anyone in between may have made the answer up.
	Authentic bool `json:"-"`
}

func newProblem(k Kind, format string, args ...any) *Problem {
	a := about[k]
	return &Problem{k, http.StatusText(a.status), a.status, fmt.Sprintf(format, args...), a.hint, time.Time{}, false}
}

// Error says what the server refused and what to do.
func (p *Problem) Error() string {
	s := "server answered " + strconv.Itoa(p.Status)
	if p.Text != "" {
		s += ": " + p.Text
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Is reports whether target is the sentinel for the kind, or
// manifest.ErrRefused if the server itself refused the agent, and not just for
// now or because of its clock.
func (p *Problem) Is(target error) bool {
	if target == manifest.ErrRefused {
		return p.Authentic && p.Status < http.StatusInternalServerError && p.Kind != Clock
	}
	is := about[p.Kind].is
	return is != nil && is == target
}

// problemOf turns a backend's error into a problem. Known is false if the agent
// must not see the error's text.
func problemOf(err error) (p *Problem, known bool) {
	if invalid, ok := errors.AsType[*job.Invalid](err); ok {
		return newProblem(Invalid, "%v", invalid), true
	}
	for k, a := range about { // no error wraps two of them
		if a.is != nil && errors.Is(err, a.is) {
			return newProblem(k, "%v", err), true
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return newProblem(Unavailable, "the server did not answer in time"), true
	}
	return newProblem(Internal, "the server failed"), false
}

func (p *Problem) body() []byte {
	body, err := json.Marshal(p)
	if err != nil { // only for a clock past the year 9999
		return []byte("{}")
	}
	return body
}

func (p *Problem) write(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaProblem)
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Patchpolicy")
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "30")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // if it fails, the agent is gone
}

// readProblem turns any answer that is not a success into a Problem.
func readProblem(status int, contentType string, body []byte) *Problem {
	var p Problem
	if !isMedia(contentType, mediaProblem) || json.Unmarshal(body, &p) != nil {
		return &Problem{
			Status: status, Title: http.StatusText(status), Text: http.StatusText(status),
			Hint: "This answer is not from a Patchpolicy server: check the base URL and any proxy in between.",
		}
	}
	p.Status = status
	return &p
}
