package agenthttp

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/sync/semaphore"
)

// decode reads a request's JSON into v: at most limit bytes, as sent and decompressed, which are taken from pool and counted in
// r.held. What says it is an "enrolment", say.
//
// The proof covers neither the way the body is packed nor, until it is compared, the body: what is wrong with them may be the work of
// whoever is on the way, and is refused without a proof, so that it is no answer (MAN-7).
func (r *request) decode(v any, limit int64, pool *semaphore.Weighted, what string) *Problem {
	secret := r.secret
	r.secret = nil
	body, p := r.read(r.Body, limit, pool)
	if p != nil {
		return p
	}
	if contentOf(body) != r.signed.content {
		return newProblem(NotSigned, "the request's body is not the one that its header %s names", HeaderContent)
	}
	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return newProblem(Invalid, "the request is not gzip, though it says so")
		}
		if body, p = r.read(z, limit, pool); p != nil {
			return p
		}
	default:
		return newProblem(WrongType, "Content-Encoding %.64q is not known", encoding)
	}
	if n := elements(body); n > MaxElements {
		return newProblem(TooLarge, "the lists of the %s have %d elements; at most %d are allowed", what, n, MaxElements)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return newProblem(Invalid, "the %s cannot be read: %v", what, err)
	}
	r.secret = secret
	return nil
}

// read reads to the end. What is read is taken from pool step by step: who sends slowly holds no more than it has sent.
func (r *request) read(from io.Reader, limit int64, pool *semaphore.Weighted) ([]byte, *Problem) {
	const step = 64 << 10
	var b bytes.Buffer
	for {
		if !pool.TryAcquire(step) {
			return nil, newProblem(Unavailable, "too many requests are under way")
		}
		r.held += step
		switch n, err := io.CopyN(&b, from, min(step, limit+1-int64(b.Len()))); {
		case int64(b.Len()) > limit:
			return nil, newProblem(TooLarge, "the request is over %d bytes", limit)
		case errors.Is(err, io.EOF) && n < step:
			return b.Bytes(), nil
		case err != nil:
			return nil, newProblem(Invalid, "the request broke off, or is damaged")
		}
	}
}

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// elements counts the elements of all lists in a JSON text, with a byte of memory for each level; of what is not JSON, anything.
func elements(text []byte) (n int) {
	var lists []bool // whether the value we are in is a list, from the outermost on
	within, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case within:
			escaped, within = c == '\\', c != '"'
		case c == '"':
			within = true
		case c == '[':
			lists = append(lists, true)
			n++
		case c == '{':
			lists = append(lists, false)
		case (c == ']' || c == '}') && len(lists) > 0:
			lists = lists[:len(lists)-1]
		case c == ',' && len(lists) > 0 && lists[len(lists)-1]:
			n++
		}
	}
	return n
}

// compress returns b in gzip where that pays.
func compress(b []byte) (out []byte, compressed bool) {
	if len(b) < gzipFrom {
		return b, false
	}
	var buf bytes.Buffer // takes everything
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(b)
	_ = z.Close()
	if buf.Len() >= len(b) {
		return b, false
	}
	return buf.Bytes(), true
}

// acceptsGzip reads Accept-Encoding.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil || name != "gzip" {
			continue
		}
		q, ok := parameters["q"]
		weight, err := strconv.ParseFloat(q, 64)
		return !ok || err == nil && weight > 0
	}
	return false
}

// isMedia says whether a Content-Type is the media type, whatever its parameters.
func isMedia(contentType, want string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == want
}
