package adminhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client calls a server's administration.
type Client struct {
	Server string       // base URL
	Token  string       // the administrator's
	User   string       // who asks, for the record of events; empty: not stated
	HTTP   *http.Client // the caller sets its timeouts
}

const maxAnswer = 256 << 20

// Do sends in as JSON (nil: no body) to a path below [Prefix], and reads the
// answer into out (nil: ignored). A refusal by the server is an *[Error].
func (c Client) Do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var content io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	address := strings.TrimSuffix(c.Server, "/") + Prefix + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	if c.User != "" {
		r.Header.Set(userHeader, c.User)
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before the server answered; what was asked for may have been done")
		}
		if failed, is := errors.AsType[*url.Error](err); is {
			err = failed.Err // the address is named once
		}
		return fmt.Errorf("no answer from %s: %w; check the address, and that \"server serve\" runs there", c.Server, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("the answer from %s broke off: %w; what was asked for may have been done", c.Server, err)
	}
	if len(data) > maxAnswer {
		return fmt.Errorf("the server's answer is over %d bytes", maxAnswer)
	}
	if resp.StatusCode >= 300 {
		e := &Error{Status: resp.StatusCode}
		if json.Unmarshal(data, e) != nil || e.Text == "" {
			e.Text = fmt.Sprintf("%s answers %s: is this a patchpolicy server?", c.Server, resp.Status)
		}
		return e
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("the server's answer cannot be read (is it of another version?): %w", err)
	}
	return nil
}
