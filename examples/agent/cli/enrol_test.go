package cli

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestEnrol(t *testing.T) {
	s := newServer(t)
	state := filepath.Join(t.TempDir(), "state")
	enrol := []string{"enrol", "--state", state, "--server", s.url + "/", "--name", "web-1"}

	code, _, err := call(t, append(enrol, "--token-file", put(t, "token", "wrong"))...)
	require.Equal(t, Failed, code)
	require.Contains(t, err, "token")
	code, _, err = call(t, append(enrol, "--token-file", put(t, "token", token), "--fingerprint", "sha256:"+strings.Repeat("0", 64))...)
	require.Equal(t, Failed, code)
	require.Contains(t, err, manifest.TrustFingerprint(s.trust))
	first, _, _ := s.said()
	require.Empty(t, first, "nothing is sent to the wrong server (MAN-12)")
	key, keyErr := home.Home(state).MakeKey(false)
	require.NoError(t, keyErr)
	code, _, _ = call(t, append(enrol, "--token-file", put(t, "token", "wrong"))...)
	require.Equal(t, Failed, code)

	code, out, err := call(t, append(enrol, "--token-file", put(t, "token", token+"\n"), "--fingerprint", manifest.TrustFingerprint(s.trust))...)
	require.Equal(t, OK, code, err)
	require.Contains(t, out, manifest.TrustFingerprint(s.trust))
	second, _, _ := s.said()
	require.EqualValues(t, key[ed25519.SeedSize:], second.Key, "tried again with the same key, as after a lost answer")

	id, _, loadErr := home.Home(state).Load()
	require.NoError(t, loadErr)
	require.Equal(t, home.Identity{Format: 1, Server: s.url, Asset: "web-1", Trust: id.Trust, Every: time.Minute}, id)
	for _, name := range []string{"agent.json", "agent.key"} {
		info, err := os.Stat(filepath.Join(state, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	code, _, err = call(t, append(enrol, "--token-file", put(t, "token", token))...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "already")

	code, out, err = call(t, "status", "--state", state)
	require.Equal(t, OK, code, err)
	require.Contains(t, out, "asset      web-1")

	// A key that others can read is refused, and so is a damaged file.
	require.NoError(t, os.Chmod(filepath.Join(state, "agent.key"), 0o640))
	code, _, err = call(t, "run", "--state", state)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "can be read by others")
	require.NoError(t, os.Chmod(filepath.Join(state, "agent.key"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(state, "agent.key"), []byte("x"), 0o600))
	code, _, err = call(t, "run", "--state", state)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "not a single PEM block")
	require.NoError(t, os.WriteFile(filepath.Join(state, "agent.json"), []byte(`{"format":2}`), 0o600))
	code, _, err = call(t, "status", "--state", state)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "format")
}

func TestServerDown(t *testing.T) {
	code, _, err := call(t, "enrol", "--state", t.TempDir(), "--server", "http://127.0.0.1:1", "--token-file", put(t, "token", token), "--name", "web-1")
	require.Equal(t, Failed, code)
	require.Contains(t, err, "refused")
}

// An agent does not start or enrol in a folder that another user prepared.
func TestFilesOfOthersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: acting as another user needs root")
	}
	s := newServer(t)
	dir := t.TempDir()
	enrol := func(state string, more ...string) []string {
		return append([]string{"enrol", "--state", state, "--server", s.url, "--name", "web-1"}, more...)
	}
	theirs := filepath.Join(dir, "theirs")
	require.NoError(t, os.Mkdir(theirs, 0o700))
	require.NoError(t, os.Chown(theirs, 65534, 65534))
	code, _, err := call(t, enrol(theirs, "--token-file", put(t, "token", token))...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "belongs to user 65534")
	planted := filepath.Join(dir, "planted")
	require.NoError(t, os.Mkdir(planted, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(planted, "agent.key"), nil, 0o600))
	require.NoError(t, os.Chown(filepath.Join(planted, "agent.key"), 65534, 65534))
	code, _, err = call(t, enrol(planted, "--token-file", put(t, "token", token))...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "belongs to user 65534")
	state := filepath.Join(dir, "state")
	file := put(t, "token", token)
	require.NoError(t, os.Chmod(file, 0o644))
	code, _, err = call(t, enrol(state, "--token-file", file)...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "chmod 600")
	sent, _, _ := s.said()
	require.Empty(t, sent.Asset, "nothing was sent")
	require.NoError(t, os.Chmod(file, 0o600))
	code, _, err = call(t, enrol(state, "--token-file", file)...)
	require.Equal(t, OK, code, err)
	for _, name := range []string{"state.db", "journal.jsonl"} {
		target := filepath.Join(dir, "target")
		require.NoError(t, os.Symlink(target, filepath.Join(state, name)))
		for _, command := range []string{"run", "status"} {
			code, _, err = call(t, command, "--state", state)
			require.Equal(t, Usage, code)
			require.Contains(t, err, name+" is a link")
		}
		require.NoFileExists(t, target)
		require.NoError(t, os.Remove(filepath.Join(state, name)))
	}
}
