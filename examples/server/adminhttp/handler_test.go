package adminhttp_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

const token = "an administrator's token"

func server(t *testing.T) (*httptest.Server, *memstore.Store) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	store := memstore.New(memstore.Options{Seed: 1})
	c, err := controller.New(store, controller.Config{Signer: manifest.NewSigner(key)})
	require.NoError(t, err)
	s := httptest.NewServer(adminhttp.NewHandler(adminhttp.Options{
		Controller: c, Token: token,
		Sync: func(ctx context.Context, _ catalog.FeedID) (adminhttp.Synced, error) {
			changes, err := c.Sync(ctx, nil, time.Now())
			return adminhttp.Synced{Changes: changes}, err
		},
	}))
	t.Cleanup(s.Close)
	return s, store
}

func send(t *testing.T, s *httptest.Server, method, path, body string) (int, adminhttp.Error) {
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var e adminhttp.Error
	if resp.StatusCode >= 400 {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&e), "%s %s", method, path)
		require.NotEmpty(t, e.Text)
	}
	return resp.StatusCode, e
}

const goodJob = `{"id": "j", "name": "J", "platform": "linux", "assets": {"includeTags": ["t"]}, "patches": {"list": ["p"]}, "schedule": {"kind": "on demand"}}`

func TestEveryEndpointRefusesBadInput(t *testing.T) {
	s, _ := server(t)
	status, _ := send(t, s, "PUT", "/v1/admin/jobs/j", goodJob)
	require.Equal(t, 200, status)
	for _, c := range []struct {
		call, body string
		want       int
	}{
		{"GET /v1/admin/nowhere", "", 404},
		{"GET /v1/admin/", "", 404},
		{"PATCH /v1/admin/jobs", "", 404},
		{"POST /v1/admin/tokens", "", 400},
		{"POST /v1/admin/tokens", "[]", 400},
		{"POST /v1/admin/tokens", `{"uses": "many"}`, 400},
		{"POST /v1/admin/tokens", `{"uses": -1}`, 422},
		{"POST /v1/admin/tokens", `{} {}`, 400},
		{"POST /v1/admin/tokens", `{"unknown": 1}`, 400},
		{"POST /v1/admin/tokens", `{"name": "` + strings.Repeat("n", 3<<20) + `"}`, 413},
		{"DELETE /v1/admin/tokens/none", "", 404},
		{"GET /v1/admin/assets?limit=x", "", 400},
		{"GET /v1/admin/assets?limit=0", "", 422},
		{"GET /v1/admin/assets?limit=1001", "", 422},
		{"GET /v1/admin/assets?nonsense=1", "", 400},
		{"GET /v1/admin/assets?limit=1&limit=2", "", 400},
		{"GET /v1/admin/assets/none", "", 404},
		{"GET /v1/admin/assets/%00", "", 422},
		{"GET /v1/admin/assets/none/inventory", "", 404},
		{"PUT /v1/admin/assets/none/tags", "[]", 404},
		{"PUT /v1/admin/assets/none/tags", "{}", 400},
		{"PUT /v1/admin/assets/none/tags", `["a b"]`, 422},
		{"DELETE /v1/admin/assets/none", "", 404},
		{"GET /v1/admin/jobs/none", "", 404},
		{"PUT /v1/admin/jobs/j", "", 400},
		{"PUT /v1/admin/jobs/j", `{"id": "other"}`, 400},
		{"PUT /v1/admin/jobs/j", `{"id": "j"}`, 422},
		{"PUT /v1/admin/jobs/j", `{"id": "j", "window": "soon"}`, 400},
		{"PUT /v1/admin/jobs/j", `{"id": "j", "window": 1.5}`, 400},
		{"PUT /v1/admin/jobs/j", `null`, 400},
		{"DELETE /v1/admin/jobs/none", "", 404},
		{"DELETE /v1/admin/jobs/j?force=maybe", "", 400},
		{"POST /v1/admin/jobs/none/enable", "", 404},
		{"POST /v1/admin/jobs/none/run", "", 404},
		{"POST /v1/admin/jobs/j/run", "", 422},
		{"GET /v1/admin/jobs/none/given-up", "", 404},
		{"GET /v1/admin/jobs/j/given-up?limit=x", "", 400},
		{"POST /v1/admin/jobs/none/retry?asset=a&patch=p", "", 404},
		{"POST /v1/admin/jobs/none/disable", "", 404},
		{"POST /v1/admin/jobs/none/cancel", "", 404},
		{"POST /v1/admin/jobs/j/cancel", "", 409},
		{"GET /v1/admin/jobs/none/runs", "", 404},
		{"GET /v1/admin/jobs/j/runs?limit=x", "", 400},
		{"GET /v1/admin/jobs/j/preview?asset=none", "", 404},
		{"GET /v1/admin/jobs/none/preview", "", 404},
		{"GET /v1/admin/jobs/none/outlook", "", 404},
		{"GET /v1/admin/jobs/j/preview?asset=a%20b", "", 422},
		{"GET /v1/admin/runs/none", "", 404},
		{"GET /v1/admin/runs/none/assets", "", 404},
		{"GET /v1/admin/runs/none/assets?limit=x", "", 400},
		{"POST /v1/admin/runs/none/cancel", "", 404},
		{"GET /v1/admin/reports/failures?from=someday", "", 400},
		{"GET /v1/admin/reports/failures?code=nonsense", "", 400},
		{"GET /v1/admin/reports/failures?page=nonsense", "", 400},
		{"GET /v1/admin/reports/failures?limit=-1", "", 422},
		{"GET /v1/admin/reports/missing?asset=none", "", 404},
		{"GET /v1/admin/reports/missing?asset=a%20b", "", 422},
		{"GET /v1/admin/reports/missing?severity=loud", "", 400},
		{"GET /v1/admin/reports/missing?exploited=perhaps", "", 400},
		{"GET /v1/admin/reports/changes?since=someday", "", 400},
		{"GET /v1/admin/reports/changes?limit=1001", "", 422},
		{"GET /v1/admin/reports/eol?days=-1", "", 400},
		{"GET /v1/admin/reports/eol?limit=0", "", 422},
		{"GET /v1/admin/catalog", "", 400},
		{"GET /v1/admin/catalog?text=x&limit=1001", "", 422},
		{"GET /v1/admin/catalog/none", "", 404},
		{"GET /v1/admin/reports/stuck?limit=0", "", 422},
		{"GET /v1/admin/patches?limit=0", "", 422},
		{"GET /v1/admin/patches?limit=1001", "", 422},
		{"GET /v1/admin/reports/reboots?limit=x", "", 400},
		{"GET /v1/admin/reports/silent?limit=0", "", 422},
		{"PUT /v1/admin/custom-urls", "", 400},
		{"PUT /v1/admin/custom-urls", `[{"patch": "p", "artifact": "a", "file": "x"}]`, 400},
		{"PUT /v1/admin/custom-urls", `[{"patch": "none", "artifact": "a", "url": "https://files.example/a"}]`, 422},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		status, e := send(t, s, method, path, c.body)
		require.Equal(t, c.want, status, "%s %.60s: %s", c.call, c.body, e.Text)
	}
	_, e := send(t, s, "PUT", "/v1/admin/jobs/j", `{"id": "j"}`)
	require.Greater(t, len(e.Problems), 1, "every problem is reported")
}

// A follower says what it waits for, only force deletes its predecessor, and an
// enabled job can be run by name (JOB-19, JOB-6).
func TestChainOverHTTP_JOB19(t *testing.T) {
	s, _ := server(t)
	c := adminhttp.Client{Server: s.URL, Token: token, HTTP: s.Client()}
	ctx := context.Background()
	save := func(id, more string) {
		text := fmt.Sprintf(`{"id": %q, "platform": "linux", "assets": {"includeTags": ["all"]}, "patches": {"query": {}}, "schedule": {"kind": "on demand"}%s}`, id, more)
		require.NoError(t, c.Do(ctx, "PUT", "jobs/"+id, nil, json.RawMessage(text), nil))
	}
	save("first", "")
	save("next", `, "after": {"job": "first", "share": 80, "delay": "24h"}, "lateJoiners": true, "giveUp": 3`)
	require.NoError(t, c.Do(ctx, "POST", "jobs/next/enable", nil, nil, nil))
	var status controller.JobStatus
	require.NoError(t, c.Do(ctx, "GET", "jobs/next", nil, nil, &status))
	require.Equal(t, &job.After{Job: "first", Share: 80, Delay: 24 * time.Hour}, status.After)
	require.Equal(t, "Job first, which it runs after, is disabled.", status.Waits.Text)
	var e *adminhttp.Error
	require.ErrorAs(t, c.Do(ctx, "DELETE", "jobs/first", nil, nil, nil), &e)
	require.Equal(t, http.StatusConflict, e.Status)
	require.Contains(t, e.Text, "(next)")
	require.NoError(t, c.Do(ctx, "DELETE", "jobs/first", url.Values{"force": {"true"}}, nil, nil))
	var run adminhttp.Enabled
	require.NoError(t, c.Do(ctx, "POST", "jobs/next/run", nil, nil, &run))
	require.Equal(t, job.ID("next"), run.Run.Job())
	var given []controller.GivenUp
	require.NoError(t, c.Do(ctx, "GET", "jobs/next/given-up", nil, nil, &given))
	require.Empty(t, given)
}

func TestOnlyTheAdministratorGetsIn(t *testing.T) {
	s, _ := server(t)
	for _, header := range []string{"", token, "Bearer", "Bearer ", "Bearer wrong", "bearer " + token, "Basic " + token} {
		for _, path := range []string{"jobs", "nowhere", "sync"} {
			r, err := http.NewRequest("GET", s.URL+"/v1/admin/"+path, nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", header)
			resp, err := s.Client().Do(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusUnauthorized, resp.StatusCode, header)
		}
	}
	empty := httptest.NewServer(adminhttp.Guard("", http.NotFoundHandler()))
	defer empty.Close()
	r, err := http.NewRequest("GET", empty.URL, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer ")
	resp, err := empty.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode, "a server without a token lets nobody in")
}

func TestClient(t *testing.T) {
	s, store := server(t)
	c := adminhttp.Client{Server: s.URL + "/", Token: token, HTTP: s.Client()}
	ctx := context.Background()
	var made adminhttp.MadeToken
	require.NoError(t, c.Do(ctx, "POST", "tokens", nil, adminhttp.NewToken{Tags: []string{"lab"}}, &made))
	require.NotEmpty(t, made.Secret)
	var jobs []controller.JobStatus
	require.NoError(t, c.Do(ctx, "GET", "jobs", url.Values{"limit": {"5"}}, nil, &jobs))
	require.Empty(t, jobs)
	require.NoError(t, c.Do(ctx, "POST", "sync", nil, nil, nil))
	var custom []catalog.CustomURL
	require.NoError(t, c.Do(ctx, "GET", "custom-urls", nil, nil, &custom))
	require.Equal(t, []catalog.CustomURL{}, custom)
	require.NoError(t, c.Do(ctx, "PUT", "custom-urls", nil, custom, nil))
	var gone []controller.Unreachable
	require.NoError(t, c.Do(ctx, "GET", "reports/unreachable", nil, nil, &gone))
	require.Equal(t, []controller.Unreachable{}, gone)
	var e *adminhttp.Error
	require.ErrorAs(t, c.Do(ctx, "GET", "jobs/none", nil, nil, nil), &e)
	require.Equal(t, 404, e.Status)
	require.NoError(t, store.Close())
	require.ErrorAs(t, c.Do(ctx, "GET", "jobs", nil, nil, nil), &e)
	require.Equal(t, 503, e.Status)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	c.Server = other.URL
	require.ErrorContains(t, c.Do(ctx, "GET", "jobs", nil, nil, nil), "is this a patchpolicy server")
}

func TestParseDefinitionDurations(t *testing.T) {
	d, err := adminhttp.ParseDefinition([]byte(`{"id": "j", "window": "90m", "pre": [{"name": "a", "command": ["x"], "timeout": "5s"}], "schedule": {"spread": "30m"},
		"reboot": {"interval": "1h", "prompt": 1000, "countdown": "-1ns"}}`))
	require.NoError(t, err)
	require.Equal(t, 90*time.Minute, d.Window)
	require.Equal(t, 5*time.Second, d.Pre[0].Timeout)
	require.Equal(t, time.Hour, d.Reboot.Interval)
	require.Equal(t, 30*time.Minute, d.Schedule.Spread)
	require.Equal(t, time.Duration(1000), d.Reboot.Prompt)
	require.Equal(t, time.Duration(-1), d.Reboot.Countdown)
	_, err = adminhttp.ParseDefinition([]byte(`{"window": "x", "schedule": {"spread": "w"}, "pre": [{"timeout": "y"}], "reboot": {"prompt": "z"}}`))
	require.ErrorContains(t, err, "window")
	require.ErrorContains(t, err, "pre[0].timeout")
	require.ErrorContains(t, err, "schedule.spread")
	require.ErrorContains(t, err, "reboot.prompt")
}

func FuzzParseDefinition(f *testing.F) {
	f.Add([]byte(goodJob))
	f.Add([]byte(`{"id": "j", "window": "90m", "pre": [{"timeout": "5s"}], "reboot": {"interval": "1h"}}`))
	f.Add([]byte(`{"pre": [null, 1, {"timeout": []}], "reboot": []}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := adminhttp.ParseDefinition(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(d)
		require.NoError(t, err)
		same, err := adminhttp.ParseDefinition(again)
		require.NoError(t, err)
		require.Equal(t, job.ID(d.ID), same.ID)
		require.Equal(t, d.Window, same.Window)
	})
}
