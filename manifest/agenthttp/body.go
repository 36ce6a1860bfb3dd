package agenthttp

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// readBody reads a request's body as sent.
func readBody(r request, limit int64) ([]byte, *Problem) {
	b, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, limit))
	switch {
	case isTooLarge(err):
		return nil, newProblem(TooLarge, "the request is over %d bytes", limit)
	case err != nil:
		return nil, newProblem(Invalid, "the request broke off")
	}
	return b, nil
}

// plain decompresses a request's body, to limit bytes at most.
func plain(r request, body []byte, limit int64) ([]byte, *Problem) {
	encoding := r.Header.Get("Content-Encoding")
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
	b, err := io.ReadAll(http.MaxBytesReader(nil, z, limit))
	switch {
	case isTooLarge(err):
		return nil, newProblem(TooLarge, "the request decompresses to over %d bytes", limit)
	case err != nil:
		return nil, newProblem(Invalid, "the request's gzip is damaged")
	}
	return b, nil
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
