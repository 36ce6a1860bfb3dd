package agenthttp

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// errTooLarge: more bytes than allowed.
var errTooLarge = errors.New("too large")

// readAll reads at most limit bytes; one more is errTooLarge.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) > limit:
		return nil, errTooLarge
	}
	return b, nil
}

// readBody reads a request's body as sent.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *Problem) {
	tooLarge := func() *Problem { return newProblem(TooLarge, "the request is over %d bytes", limit) }
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, newProblem(Invalid, "the request broke off")
	}
	return b, nil
}

// plain decompresses a body, to limit bytes at most.
func plain(body []byte, encoding string, limit int64) ([]byte, *Problem) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, nil
	case "gzip":
	default:
		return nil, newProblem(WrongType, "Content-Encoding %.64q is not known", encoding)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, newProblem(Invalid, "the request is not gzip, though it says so")
	}
	b, err := readAll(z, limit)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, newProblem(TooLarge, "the request decompresses to over %d bytes", limit)
	case err != nil:
		return nil, newProblem(Invalid, "the request's gzip is damaged")
	}
	return b, nil
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
func compress(b []byte) (out []byte, compressed bool, err error) {
	if len(b) < gzipFrom {
		return b, false, nil
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(b); err != nil {
		return nil, false, fmt.Errorf("compress: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, false, fmt.Errorf("compress: %w", err)
	}
	if buf.Len() >= len(b) {
		return b, false, nil
	}
	return buf.Bytes(), true, nil
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
