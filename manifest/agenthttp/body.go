package agenthttp

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strconv"
	"strings"

	"golang.org/x/sync/semaphore"
)

// decode reads a request's JSON into v: at most limit bytes, both as sent and
// decompressed. They are taken from pool and counted in r.held. What names the
// message, such as "enrolment".
//
// The proof covers neither the compression nor, until the digests are compared,
// the body. Anyone in between may have damaged them, so those refusals carry no
// proof and are no answer to the agent (MAN-7).
func (r *request) decode(v any, limit int64, pool *semaphore.Weighted, what string) *Problem {
	secret := r.secret
	r.secret = nil
	body, p := r.read(r.Body, limit, pool)
	if p != nil {
		return p
	}
	if contentOf(body) != r.signed.content {
		return newProblem(NotSigned, "the request's body is not the one that header %s names", HeaderContent)
	}
	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return newProblem(Invalid, "Content-Encoding says gzip, but the body is not gzip")
		}
		if body, p = r.read(z, limit, pool); p != nil {
			return p
		}
	default:
		return newProblem(WrongType, "Content-Encoding %.64q is not supported; send gzip or none", encoding)
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

// read reads to the end. It takes from pool step by step, so a slow sender
// holds no more than it has sent.
func (r *request) read(from io.Reader, limit int64, pool *semaphore.Weighted) ([]byte, *Problem) {
	const step = 64 << 10
	var b bytes.Buffer
	for {
		if !pool.TryAcquire(step) {
			return nil, newProblem(Unavailable, "too many requests are in progress")
		}
		r.held += step
		switch n, err := io.CopyN(&b, from, min(step, limit+1-int64(b.Len()))); {
		case int64(b.Len()) > limit:
			return nil, newProblem(TooLarge, "the request is larger than %d bytes", limit)
		case errors.Is(err, io.EOF) && n < step:
			return b.Bytes(), nil
		case err != nil:
			return nil, newProblem(Invalid, "the request is cut off or damaged")
		}
	}
}

// elements counts the elements of all lists in a JSON text, with one byte of
// memory per level. If text is not JSON, the number means nothing.
func elements(text []byte) (n int) {
	var lists []bool // per level, outermost first: is it a list?
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

// compress returns b in gzip if that makes it smaller.
func compress(b []byte) (out []byte, compressed bool) {
	if len(b) < gzipFrom {
		return b, false
	}
	var buf bytes.Buffer // never fails
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(b)
	_ = z.Close()
	if buf.Len() >= len(b) {
		return b, false
	}
	return buf.Bytes(), true
}

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

func isMedia(contentType, want string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == want
}
