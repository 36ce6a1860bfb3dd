package main

import (
	"crypto/ed25519"
	"net/http"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// Wrong tokens are logged with their origin, but not with their text, and
// slowed down. The right administrator's token is not.
func TestWrongTokens(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be asked to stop by a signal on Windows")
	}
	s := newShell(t)
	s.ok("init")
	stop := s.serve()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	config := agenthttp.Config{Server: s.url, Asset: "web-1", Key: key}
	wrong := token.NewEnrolment()
	for range 12 {
		_, _, err = agenthttp.Enrol(t.Context(), config, manifest.Enrolment{Token: wrong, Platform: catalog.Linux, Architecture: "amd64"}, "")
		require.Error(t, err)
	}
	require.ErrorContains(t, err, "429")
	require.ErrorContains(t, err, "try again in")
	guess := token.NewAdmin()
	r, err := http.NewRequest(http.MethodGet, s.url+"/v1/admin/jobs", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+guess)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	s.ok("job", "list")
	log, code := stop(syscall.SIGTERM)
	require.Zero(t, code)
	require.Contains(t, log, `msg="wrong token" from=127.0.0.1:`)
	require.Contains(t, log, "asset=web-1")
	require.NotContains(t, log, wrong)
	require.NotContains(t, log, guess)
}
