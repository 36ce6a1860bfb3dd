package runner_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// says answers every request with a status of its own words.
type says string

func (s says) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNotFound, Status: "404 " + string(s), Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

// A vendor's words are escaped before they are reported, logged or kept.
func TestReasonPhraseIsEscaped(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := b.order("patchday", "app")
		o.End = o.Start.Add(10 * time.Minute)
		o.Patches[0].Files[0].URL = "https://vendor.example/app"
		b.cfg.HTTP = &http.Client{Transport: says("\x1b[31m\u202e\u009b2J gone")}
		b.server.put(o)
		stop := b.run()
		r := b.ended()
		require.NoError(t, stop())
		require.Contains(t, r.Patches[0].Text, `404 \x1b[31m\u202e\u009b2J gone`)
	})
}
