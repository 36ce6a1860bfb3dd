package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// edited changes the body of a successful answer and leaves its headers.
func edited(change func(*manifest.Answer)) func(*httptest.ResponseRecorder) {
	return func(w *httptest.ResponseRecorder) {
		var a manifest.Answer
		if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &a) != nil {
			return
		}
		change(&a)
		body, err := json.Marshal(a)
		if err == nil {
			w.Body.Reset()
			w.Body.Write(body)
			w.Header().Del("Content-Length")
		}
	}
}

// An attacker between an agent and its server changes every answer, over plain
// http. None of it counts: no report is taken as acknowledged, no clock moves,
// nothing starts or disappears. When the attacker is gone, the work goes on
// (MAN-12).
func TestLiarOnTheWay_MAN12_MAN7(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.repo.publish(deb("alpha", "2"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	w.asset.idle()
	honest := w.asset.status().State

	var old httptest.ResponseRecorder
	var mu sync.Mutex
	for name, lie := range map[string]func(*httptest.ResponseRecorder){
		"everything acknowledged": edited(func(a *manifest.Answer) { a.Acknowledged = 1<<64 - 1 }),
		"a year later":            edited(func(a *manifest.Answer) { a.At = a.At.AddDate(1, 0, 0) }),
		"a month ago":             edited(func(a *manifest.Answer) { a.At = a.At.AddDate(0, -1, 0) }),
		"a manifest of its own":   edited(func(a *manifest.Answer) { a.Manifest = []byte(`{}`) }),
		"keys of its own":         edited(func(a *manifest.Answer) { a.Trust = [][]byte{[]byte(`{}`)} }),
		"the inventory, please":   edited(func(a *manifest.Answer) { a.WantInventory = true }),
		"an old answer": func(w *httptest.ResponseRecorder) {
			mu.Lock()
			defer mu.Unlock()
			if old.Body == nil {
				old = *w
				return
			}
			*w = old
		},
		"you were removed": func(w *httptest.ResponseRecorder) {
			*w = *httptest.NewRecorder()
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"type":%q,"error":"it was removed"}`, agenthttp.UnknownAsset)
		},
	} {
		forged := make(chan struct{})
		n := 0
		w.server.wire.watching(func(manifest.CheckIn) fate {
			mu.Lock()
			defer mu.Unlock()
			if n++; n == 4 {
				close(forged)
			}
			return fate{lie: lie}
		})
		happens(t, name, forged)
		s := w.asset.status().State
		require.Equal(t, honest.Sequence, s.Sequence, name)
		require.Equal(t, honest.Revision, s.Revision, name)
		require.Less(t, s.Clock.Offset.Abs(), time.Minute, name)
	}
	w.server.wire.watching(nil)
	require.Equal(t, job.Completed.String(), w.run("now").Result.String())
	w.has("alpha", "2")
	for _, r := range w.asset.journal() {
		require.Empty(t, r.Refused, "a forged answer makes no report")
	}
}

// The manifest key is rotated while an agent runs, and twice while it is off,
// the second time with new root keys. The agent follows by itself (MAN-13).
func TestAgentFollowsKeyRotations_MAN13(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	w.repo.publish(deb("alpha", "2"), deb("beta", "1"))
	w.server.synced()
	rotate := func(args ...string) {
		w.server.p.stop()
		output(t, program(t, "server"), append([]string{"key", "rotate", "--dir", w.server.dir}, args...)...)
		w.server.start()
	}
	w.asset.start()
	w.server.knows(w.asset.name)
	rotate()
	require.Equal(t, job.Completed.String(), w.run("first").Result.String())
	w.asset.idle()
	w.asset.stop()
	rotate("--exchange")
	rotate("--new-roots", "2", "--root", filepath.Join(w.server.dir, "root-1.key"))
	w.repo.publish(deb("alpha", "2"), deb("beta", "2"))
	w.server.synced()
	w.asset.start()
	require.Equal(t, job.Completed.String(), w.run("second").Result.String())
	w.has("beta", "2")
	for _, r := range w.asset.journal() {
		require.Empty(t, r.Refused)
	}
	shown := string(output(t, program(t, "server"), "key", "show", "--dir", w.server.dir))
	require.Contains(t, shown, "version 4")
}

// A copy of the database is worthless without the keys: a server with other
// keys does not serve it, and agents do not trust them.
func TestDatabaseWithOtherKeys_MAN13(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.server.p.stop()
	other := filepath.Join(t.TempDir(), "thief")
	output(t, program(t, "server"), "init", "--dir", other)
	_, text, err := try(t, program(t, "server"), "serve", "--dir", other, "--db", filepath.Join(w.server.dir, "server.db"), "--listen", "127.0.0.1:0")
	require.Error(t, err)
	require.Contains(t, text, "trust document")
}

// peak returns the most memory that a process has used so far, in bytes.
func peak(t *testing.T, pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	require.NotNil(t, m)
	n, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	return n << 10
}

// Unauthenticated connections use little of the server's memory, however much
// they send and however many they are.
func TestHostileConnections_MAN12(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the memory of another process is read from /proc")
	}
	w := newWorld(t, deb("alpha", "1"))
	pid := w.server.p.cmd.Process.Pid
	quiet := peak(t, pid)
	body := strings.Repeat(" ", agenthttp.MaxRequest)
	for _, c := range []struct{ connections, each, most int }{{60, len(body), 40 << 20}, {2000, 64 << 10, 160 << 20}} {
		var group sync.WaitGroup
		release := make(chan struct{})
		for i := range c.connections {
			group.Go(func() {
				conn, err := net.Dial("tcp", w.server.addr)
				if err != nil {
					return
				}
				defer conn.Close()
				path := []string{agenthttp.PathCheckIn, agenthttp.PathEnrol}[i%2]
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, c.each)
				fmt.Fprintf(conn, "%s: %s\r\n%s: sha256:00\r\n%s: %s\r\n%s: 00\r\n%s: AA==\r\n\r\n", agenthttp.HeaderAsset, w.asset.name, agenthttp.HeaderKey,
					agenthttp.HeaderTime, time.Now().UTC().Format(time.RFC3339Nano), agenthttp.HeaderContent, agenthttp.HeaderProof)
				_, _ = io.WriteString(conn, body[:c.each-1]) // until the server refuses it
				<-release
			})
		}
		time.Sleep(2 * time.Second) // gives the connections time to use memory
		grown := peak(t, pid) - quiet
		close(release)
		group.Wait()
		t.Logf("%d connections: %d MiB more than %d MiB", c.connections, grown>>20, quiet>>20)
		require.Less(t, grown, c.most, "%d connections", c.connections)
	}
	w.asset.start()
	w.server.knows(w.asset.name)
}
