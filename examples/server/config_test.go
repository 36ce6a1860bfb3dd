package main

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A server reads its flags from a file, and says at its start which feed it had
// before and has no longer.
func TestConfigurationFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be asked to stop by a signal on Windows")
	}
	s := newShell(t)
	s.ok("init")
	s.write("patches.json", feedFile)
	s.write("config.json", `{"feed-json": ["patches.json"], "sync-every": "1h", "log-level": "debug"}`)
	const warning = "starts without a feed that it had"

	stop := s.serve("--config", "config.json")
	s.ok("sync")
	require.Contains(t, s.ok("report", "feeds"), "patches.json")
	log, code := stop(syscall.SIGTERM)
	require.Zero(t, code, log)
	require.NotContains(t, log, warning)

	stop = s.serve("--config", "config.json")
	log, _ = stop(syscall.SIGTERM)
	require.NotContains(t, log, warning)

	stop = s.serve()
	log, _ = stop(syscall.SIGTERM)
	require.Contains(t, log, warning)
	require.Contains(t, log, "feed=patches.json")

	stop = s.serve("--forget", "patches.json")
	log, _ = stop(syscall.SIGTERM)
	require.NotContains(t, log, warning)

	s.write("typo.json", `{"feed-jsn": ["patches.json"]}`)
	_, errs, code := s.run("serve", "--config", "typo.json")
	require.Equal(t, 2, code)
	require.Contains(t, errs, `"feed-jsn" is not a flag of "server serve"; did you mean "feed-json"?`)
	_, errs, code = s.run("serve", "--db", "x.db", "--store", "postgres://db.acme.example/x")
	require.Equal(t, 2, code)
	require.Contains(t, errs, "--db and --store")
}
