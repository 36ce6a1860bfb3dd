package fetch

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedirects(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	never := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for name, c := range map[string]struct {
		client        *http.Client
		from, to, bad string
		times         int
	}{
		"within a host":             {nil, "http://acme.example/a", "http://acme.example/b", "", 1},
		"to another host":           {nil, "http://acme.example/a", "http://mirror.example/b", "", 1},
		"to https":                  {nil, "http://acme.example/a", "https://acme.example/b", "", 1},
		"as often as allowed":       {nil, "http://acme.example/a", "http://acme.example/a", "", maxRedirects},
		"too often":                 {nil, "http://acme.example/a", "http://acme.example/a", "more than 10 redirects", maxRedirects + 1},
		"from https to http":        {nil, "https://acme.example/a", "http://acme.example/b", "from https to http://acme.example/b", 1},
		"to a file":                 {nil, "http://acme.example/a", "file:///etc/passwd", "unsupported protocol scheme", 1},
		"with a password":           {nil, "http://u:p@acme.example/a", "http://mirror.example/b", "must not get this feed's credentials", 1},
		"with a password to https":  {nil, "http://u:p@acme.example/a", "https://acme.example/b", "", 1},
		"to a password":             {nil, "http://acme.example/a", "http://u:p@acme.example/b", "with another name and password", 1},
		"with a transport":          {&http.Client{Transport: http.DefaultTransport}, "http://acme.example/a", "http://mirror.example/b", "another host", 1},
		"with cookies":              {&http.Client{Jar: jar}, "http://acme.example/a", "http://mirror.example/b", "another host", 1},
		"against the client's rule": {&http.Client{CheckRedirect: never}, "http://acme.example/a", "http://acme.example/b", "last response", 1},
	} {
		from, err := url.Parse(c.from)
		require.NoError(t, err)
		to, err := url.Parse(c.to)
		require.NoError(t, err)
		via := make([]*http.Request, c.times)
		for i := range via {
			via[i] = &http.Request{URL: from}
		}
		err = NewClient(c.client, "", "").http.CheckRedirect(&http.Request{URL: to}, via)
		if c.bad == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.bad, name)
		require.NotContains(t, err.Error(), "u:p", name)
	}
}
