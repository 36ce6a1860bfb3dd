package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/token"
)

// Every command refuses bad input with a clear text and the right exit code, and does not panic.
func TestBadInput(t *testing.T) {
	s := newShell(t)
	s.ok("init")
	s.write("bad.key", "not a key")
	s.write("bad.db", strings.Repeat("this is no database ", 100))
	s.write("bad.json", "{")
	s.write("enrol.token", token.NewEnrolment())
	s.write("open.token", token.NewAdmin())
	require.NoError(t, os.Chmod(filepath.Join(s.dir, "open.token"), 0o644))
	s.write("twice.json", jobFile+jobFile)
	s.write("unknown.json", `{"id": "x", "nmae": "typo"}`)
	s.write("window.json", `{"id": "x", "window": "soon"}`)
	s.write("cert.pem", "no certificate")
	for i, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "needs a command"},
		{"nonsense", 2, "has no command"},
		{"job", 2, "needs a command"},
		{"job nonsense", 2, "has no command"},
		{"serve extra", 2, "one argument too many"},
		{"serve --nonsense", 2, "unknown flag"},
		{"serve --listen nowhere", 2, "HOST:PORT"},
		{"serve --listen 0.0.0.0:8443", 2, "from outside"},
		{"serve --tls-cert cert.pem", 2, "both or none"},
		{"serve --sync-every 1ms", 2, "at least 1s"},
		{"serve --keep 24h", 2, "at least 2160h"},
		{"serve --sync-every soon", 2, "invalid"},
		{"serve --log-level loud", 2, "log-level"},
		{"serve --feed-json gopher://x", 2, "http"},
		{"serve --feed-json a.json --feed-json a.json", 2, "twice"},
		{"serve --feed-kev gopher://x", 2, "feed kev"},
		{"serve --deadlines soon", 2, "choose one of bod-26-04, cyber-essentials, pci-dss"},
		{"serve --calendar none.json", 2, "calendar: open none.json"},
		{"serve --baseline none.json", 2, "baseline: open none.json"},
		{"asset expose web-1 perhaps", 2, "want yes, no or unknown"},
		{"token create --uses 0", 2, "--uses 0: want one or more"},
		{"rollout stop j", 2, "--reason is missing"},
		{"exception add CVE-1 --owner alice --reason none", 2, "--for"},
		{"serve --feed-osv osv.zip", 2, "LOCATION ECOSYSTEM"},
		{"serve --feed-rpm https://rpm.acme.example", 2, "URL KEYRING CHANNEL"},
		{"catalog", 2, "needs a command"},
		{"catalog show", 2, "missing: "},
		{"catalog diff --back -1h", 2, "--back"},
		{"report missing --by asset", 2, "--by"},
		{"report missing web-1 --by cve", 2, "--by cve"},
		{"report missing --severity loud", 2, "--severity"},
		{"serve --apt-config no-such-folder", 2, "no-such-folder"},
		{"serve --listen 127.0.0.1:0 --check-in 2h", 1, "MAN-3"},
		{"serve --listen 127.0.0.1:0 --dir elsewhere", 1, "server init"},
		{"serve --listen 127.0.0.1:0 --db bad.db", 1, "bad.db"},
		{"serve --listen 127.0.0.1:0 --tls-cert cert.pem --tls-key cert.pem", 1, "cert.pem"},
		{"init", 1, "not replaced"},
		{"init --dir bad.json/x", 1, "bad.json"},
		{"job list --server 127.0.0.1", 2, "--server"},
		{"job list --timeout -1s", 2, "--timeout"},
		{"job list --server http://127.0.0.1:1", 1, "no answer from http://127.0.0.1:1"},
		{"job list --admin-token nowhere", 1, "server init"},
		{"job list --admin-token bad.key", 1, "holds no token"},
		{"job list --admin-token enrol.token", 1, "holds an enrolment token"},
		{"job list --admin-token open.token", 1, "chmod 600"},
		{"serve --listen 127.0.0.1:0 --tls-cert cert.pem --tls-key open.token", 1, "chmod 600"},
		{"serve --listen 127.0.0.1:0 --db enrol.token", 1, "damaged"},
		{"backup", 2, "missing: "},
		{"backup x.db --dir elsewhere", 1, "no such file"},
		{"backup no/such/folder.db --db bad.json", 1, "no/such"},
		{"restore nowhere.db", 1, "nowhere.db"},
		{"restore bad.db", 1, "bad.db"},
		{"job list --ca bad.json", 1, "no certificate"},
		{"job create", 2, "file"},
		{"job create -f nowhere.json", 1, "nowhere.json"},
		{"job create -f bad.json", 1, "bad.json"},
		{"job create -f twice.json", 1, "more after"},
		{"job create -f unknown.json", 1, "nmae"},
		{"job create -f window.json", 1, "not a duration"},
		{"job enable", 2, "missing: JOB"},
		{"job preview", 2, "missing: JOB"},
		{"job example hourly", 2, "no example"},
		{"run show now --every 1ms", 2, "--every"},
		{"rule job-999", 1, "no rule"},
		{"token create --uses many", 2, "invalid"},
		{"token create --expires-in -1h", 2, "--expires-in"},
		{"report failures --from someday", 2, "someday"},
		{"asset tag", 2, "missing: "},
	} {
		t.Run(c.args, func(t *testing.T) {
			if testing.Short() && i%4 > 0 {
				t.Skip("SKIPPED ALOUD: a process per command takes a while; run without -short")
			}
			stdout, stderr, code := s.run(strings.Fields(c.args)...)
			require.Equal(t, c.code, code, stdout+stderr)
			require.Contains(t, stderr, c.says)
			require.NotContains(t, stderr, "panic")
			require.NotContains(t, stderr, "goroutine")
		})
	}
}

func TestHelpTeaches(t *testing.T) {
	s := newShell(t)
	for _, c := range []string{"--help", "init --help", "serve --help", "job save --help", "token create --help", "report failures --help", "catalog --help", "catalog show --help", "report missing --help"} {
		stdout, _, code := s.run(strings.Fields(c)...)
		require.Zero(t, code, c)
		require.Contains(t, stdout, "server ", c)
	}
	stdout, _, _ := s.run("--help")
	require.Contains(t, stdout, "Exit codes")
}
