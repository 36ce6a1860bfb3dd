package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// call runs the command line.
func call(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func put(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// Every bad flag and file is reported, all at once, with exit code 2, and
// nothing is written.
func TestBadInput(t *testing.T) {
	s := newServer(t)
	state := filepath.Join(t.TempDir(), "state")
	empty, rubbish := put(t, "empty", " \n"), put(t, "rubbish", "hello")
	huge := put(t, "huge", strings.Repeat("x", maxInput+1))
	enrol := func(more ...string) []string {
		return append([]string{"enrol", "--state", state, "--server", s.url, "--token-file", put(t, "token", token), "--name", "web-1"}, more...)
	}
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"unknown command", []string{"dance"}, []string{`unknown command "dance"`}},
		{"unknown flag", []string{"scan", "--fast"}, []string{"--fast"}},
		{"argument", []string{"scan", "x"}, []string{`"x"`}},
		{"bad duration", []string{"run", "--check-in-every", "soon"}, []string{"soon"}},
		{"no such root", []string{"scan", "--root", "/nowhere"}, []string{"--root: /nowhere is not a folder"}},
		{"nothing given", []string{"enrol", "--state", state}, []string{"--server", "--token-file"}},
		{"bad server", enrol("--server", "ftp://x"), []string{"not an http or https URL"}},
		{"bad name", enrol("--name", "a b"), []string{"--name"}},
		{"bad fingerprint", enrol("--fingerprint", "sha256:12"), []string{"--fingerprint"}},
		{"missing file", enrol("--token-file", "/nowhere"), []string{"--token-file"}},
		{"empty file", enrol("--token-file", empty), []string{"is empty"}},
		{"huge file", enrol("--token-file", huge), []string{"more than"}},
		{"no certificates", enrol("--ca", rubbish), []string{"--ca"}},
		{"the administrator's token", enrol("--token-file", put(t, "token", "ppa_ABCDEFGHIJKLMNOPQRSTUVWXYZ")), []string{"the administrator's token, which no agent must have"}},
		{"tags of its own choice", enrol("--tag", "web"), []string{"--tag"}},
		{"four faults", []string{"enrol", "--state", state, "--server", "x", "--name", "/", "--fingerprint", "y"}, []string{"--server", "--token-file", "--name", "--fingerprint"}},
		{"bad policy", []string{"run", "--state", state, "--policy", rubbish}, []string{"--policy: signer policy is not valid"}},
		{"bad policy to enrol with", enrol("--policy", put(t, "policy", `{"format": 1, "clauses": [{"strikt": true}]}`)), []string{"--policy", `unknown field "strikt"`}},
		{"policy with bad keys", enrol("--policy", put(t, "policy", `{"format": 1, "signers": [{"name": "A", "sigstore": [{"keys": ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]}]}]}`)),
			[]string{"signers[0].sigstore[0].keys[0]"}},
		{"nothing to verify", []string{"verify"}, []string{"name the files"}},
		{"four faults to verify", []string{"verify", "a", "b", "--policy", rubbish, "--digest", "sha256:12", "--signature", "c"}, []string{"2 are named", "--digest", "--policy: signer policy is not valid"}},
		{"no signature file", []string{"verify", rubbish, "--signature", "/nowhere"}, []string{"signature file"}},
		{"not enrolled", []string{"run", "--state", state}, []string{"agent enrol"}},
		{"not enrolled, status", []string{"status", "--state", state}, []string{"agent enrol"}},
		{"four faults to run", []string{"run", "--state", state, "--root", "/nowhere", "--check-in-every", "1ms", "--reboot-command", "x", "--policy", "/no-policy"},
			[]string{"--root", "--check-in-every", "--reboot-command", "--policy"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, err := call(t, tt.args...)
			require.Equal(t, Usage, code, err)
			require.Empty(t, out)
			for _, want := range tt.want {
				require.Contains(t, err, want)
			}
			require.NoFileExists(t, filepath.Join(state, "agent.json"))
		})
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"scan", "--help"}, {"enrol", "--help"}, {"leave", "--help"}, {"run", "--help"}, {"status", "--help"}, {"verify", "--help"}} {
		code, out, _ := call(t, args...)
		require.Equal(t, OK, code)
		require.Contains(t, out, "Usage:")
		for line := range strings.Lines(out) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
		}
	}
}

func TestScanCommand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED ALOUD: a scan needs Linux")
	}
	a := newAsset(t)
	code, out, err := call(t, "scan", "--root", a.root)
	require.Equal(t, Failed, code)
	require.Empty(t, out)
	require.NotEmpty(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(a.root, "etc/apt/sources.list"), []byte("deb http://127.0.0.1:1/ tiny main\n"), 0o600))
	code, _, err = call(t, "scan", "--root", a.root, "--json")
	require.Equal(t, Failed, code)
	require.Contains(t, err, `run "apt-get update" first`)
}
