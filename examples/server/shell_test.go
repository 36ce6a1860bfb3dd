package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const asServer = "PATCHPOLICY_TEST_AS_SERVER"

// TestMain makes the test binary the server if a test runs it as one.
func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
	}
	os.Exit(m.Run())
}

// shell runs the real program in one folder.
type shell struct {
	t    *testing.T
	path string
	dir  string
	url  string
}

func newShell(t *testing.T) *shell {
	path, err := os.Executable()
	require.NoError(t, err)
	return &shell{t: t, path: path, dir: t.TempDir()}
}

// command returns the program in the shell's folder, not yet started.
func (s *shell) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.path, args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), asServer+"=1")
	return cmd
}

// run returns what the command printed, and its exit code.
func (s *shell) run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := s.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(s.t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ok runs an administrator's command that must succeed.
func (s *shell) ok(args ...string) string {
	s.t.Helper()
	if s.url != "" {
		args = append(args, "--server", s.url)
	}
	stdout, stderr, code := s.run(args...)
	require.Zero(s.t, code, "%v: %s", args, stderr)
	return stdout
}

// serve starts the server. It returns when the server listens, with a function that stops it.
func (s *shell) serve(args ...string) (stop func(os.Signal) (log string, code int)) {
	s.t.Helper()
	cmd := s.command(append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() { _ = cmd.Process.Kill() })
	var log bytes.Buffer
	address := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(address)
		found := false
		buf := make([]byte, 4096)
		for {
			n, err := stderr.Read(buf)
			log.Write(buf[:n])
			if m := regexp.MustCompile(`addr=(\S+)`).FindStringSubmatch(log.String()); m != nil && !found {
				found = true
				address <- m[1]
			}
			if err != nil {
				return
			}
		}
	}()
	addr, listening := <-address
	if !listening {
		require.FailNow(s.t, "the server ended", log.String())
	}
	s.url = "http://" + addr
	return func(sig os.Signal) (string, int) {
		require.NoError(s.t, cmd.Process.Signal(sig))
		<-done
		_ = cmd.Wait()
		return log.String(), cmd.ProcessState.ExitCode()
	}
}

func (s *shell) write(name, content string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600))
}

const feedFile = `{"format": 1,
  "products": [{"id": "editor", "name": "editor", "platform": "linux", "scheme": "semver"}],
  "patches": [{"id": "editor-2", "product": "editor", "version": "semver:2.0.0", "artifacts": [
    {"name": "editor.bin", "availability": "Pinned", "url": "http://vendor.example/editor.bin",
     "digests": ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]}]}]}`

const jobFile = `{"id": "now", "name": "Now", "platform": "linux", "assets": {"includeTags": ["lab"]},
  "patches": {"list": ["editor-2"]}, "schedule": {"kind": "on demand"}, "window": "2h", "reboot": {"interval": "30m"}}`

// okOffline runs a command that does not talk to a server.
func (s *shell) okOffline(args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.run(args...)
	require.Zero(s.t, code, "%v: %s", args, stderr)
	return stdout
}

func get(t *testing.T, s *shell, path string, withToken bool, want int) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	if withToken {
		token, err := os.ReadFile(filepath.Join(s.dir, "patchpolicy", "admin.token"))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, want, resp.StatusCode, string(body))
	return string(body)
}
