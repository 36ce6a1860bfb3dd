package agenthttp

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaxHeader(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config = NewServer("", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Start()
	defer server.Close()
	for size, status := range map[int]int{
		MaxHeader / 2: http.StatusOK,
		2 * MaxHeader: http.StatusRequestHeaderFieldsTooLarge, // net/http adds some kB of its own to the bound
	} {
		req, err := http.NewRequest(http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		req.Header.Set("X-Long", strings.Repeat("x", size))
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode, "%d bytes", size)
	}
}

func TestNothingToServeIsRefused(t *testing.T) {
	require.PanicsWithValue(t, "agenthttp.NewHandler: the backend is nil", func() { NewHandler(nil, Options{}) })
	require.PanicsWithValue(t, "agenthttp.NewServer: the handler is nil", func() { NewServer("", nil) })
}
