package serve

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// limited is a limiter whose clock the test sets.
func limited() (l *limiter, log *bytes.Buffer, pass func(time.Duration)) {
	log = &bytes.Buffer{}
	l = newLimiter(slog.New(slog.NewTextHandler(log, nil)))
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	l.now = func() time.Time { return now }
	return l, log, func(d time.Duration) { now = now.Add(d) }
}

func ask(h http.Handler, from, path, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.RemoteAddr = from
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	r.Header.Set(agenthttp.HeaderAsset, "web\x1b[31m\u202e1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const right = "the right token of some length"

// Wrong administrator's tokens are logged and slowed down. The right one passes from anywhere.
func TestWrongAdminTokens(t *testing.T) {
	l, log, pass := limited()
	h := l.admin(adminhttp.Guard(right, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	for range 100 {
		require.Equal(t, http.StatusUnauthorized, ask(h, "192.0.2.1:7", "/x", "").Code, "no token is no wrong one")
	}
	require.Empty(t, log.String())
	for range perAddress.burst {
		require.Equal(t, http.StatusUnauthorized, ask(h, "192.0.2.1:7", "/x", "wrong").Code)
	}
	for range 50 {
		w := ask(h, "192.0.2.1:8", "/x", "wrong")
		require.Equal(t, http.StatusTooManyRequests, w.Code)
		after, err := strconv.Atoi(w.Header().Get("Retry-After"))
		require.NoError(t, err)
		require.Positive(t, after)
		require.Equal(t, http.StatusOK, ask(h, "192.0.2.1:8", "/x", right).Code)
	}
	require.Equal(t, http.StatusUnauthorized, ask(h, "192.0.2.2:7", "/x", "wrong").Code, "another address")
	require.Equal(t, perAddress.burst+2, strings.Count(log.String(), "wrong token"), "the log is not filled")
	require.Contains(t, log.String(), "from=192.0.2.1:7")
	require.NotContains(t, log.String(), "the right token")
	require.NotContains(t, log.String(), "\x1b")
	require.NotContains(t, log.String(), "\u202e")
	pass(time.Hour)
	require.Equal(t, http.StatusUnauthorized, ask(h, "192.0.2.1:7", "/x", "wrong").Code)
}

// Wrong enrolment tokens are slowed down before they cost a read of the
// database. Other addresses and check-ins are not.
func TestWrongEnrolmentTokens(t *testing.T) {
	l, log, pass := limited()
	calls, status := 0, http.StatusForbidden
	h := l.agents(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++; w.WriteHeader(status) }))
	for range 200 {
		ask(h, "[2001:db8::1]:7", agenthttp.PathEnrol, "")
	}
	require.Equal(t, perAddress.burst+1, calls)
	w := ask(h, "[2001:db8::2]:7", agenthttp.PathEnrol, "")
	require.Equal(t, http.StatusTooManyRequests, w.Code, "the same network")
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), "try again in")
	require.Contains(t, log.String(), "asset=")
	status = http.StatusOK
	for range 300 {
		require.Equal(t, http.StatusOK, ask(h, "[2001:db8:0:1::1]:7", agenthttp.PathEnrol, "").Code, "right ones cost nothing")
		require.Equal(t, http.StatusOK, ask(h, "[2001:db8::1]:7", agenthttp.PathCheckIn, "").Code)
	}
	pass(perAddress.every + time.Second)
	require.Equal(t, http.StatusOK, ask(h, "[2001:db8::1]:7", agenthttp.PathEnrol, "").Code)
}

// However many addresses they come from, the work, the memory and the log are bounded.
func TestWrongTokensFromEverywhere(t *testing.T) {
	l, log, pass := limited()
	calls := 0
	h := l.agents(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++; w.WriteHeader(http.StatusForbidden) }))
	from := func(i int) string { return fmt.Sprintf("10.%d.%d.%d:7", i>>16&255, i>>8&255, i&255) }
	for i := range 20000 {
		ask(h, from(i), agenthttp.PathEnrol, "")
	}
	require.Equal(t, overall.burst+1, calls)
	require.Equal(t, calls, strings.Count(log.String(), "wrong token"))
	for i := range 20000 {
		pass(overall.every)
		ask(h, from(i), agenthttp.PathEnrol, "")
	}
	require.LessOrEqual(t, len(l.addresses), maxAddresses)
	pass(time.Hour)
	before := calls
	ask(h, from(1), agenthttp.PathEnrol, "")
	require.Equal(t, before+1, calls)
}
