package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A server with a damaged database does not start, and no report answers from
// it, with the check or without.
func TestDamagedDatabaseAnswersNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a server process per damaged page takes a while; run without -short")
	}
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be asked to stop by a signal on Windows")
	}
	s := newShell(t)
	s.ok("init")
	stop := s.serve()
	for range 30 {
		s.ok("token", "create", "--name", strings.Repeat("n", 200), "--names", "lab-*", "--tag", "lab")
	}
	require.Contains(t, s.ok("token", "list"), "lab-*")
	_, stderr, code := s.run("token", "create", "--names", "[", "--server", s.url)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "lab-*")
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
	db := filepath.Join(s.dir, "patchpolicy", "server.db")
	whole, err := os.ReadFile(db)
	require.NoError(t, err)
	const page = 4096
	for at := page; at < len(whole); at += page {
		damaged := bytes.Clone(whole)
		clear(damaged[at : at+page])
		require.NoError(t, os.WriteFile(db, damaged, 0o600))
		_, stderr, code := s.run("serve", "--listen", "127.0.0.1:0")
		require.Equal(t, 1, code, "page %d", at/page)
		require.Contains(t, stderr, "is damaged")
		require.Contains(t, stderr, "restore a backup")
	}
	require.NoError(t, os.WriteFile(db, whole, 0o600))
	stop = s.serve()
	backup := filepath.Join(s.dir, "backup.db")
	require.Contains(t, s.okOffline("backup", backup), "format 1")
	_, _, code = s.run("backup", backup)
	require.Equal(t, 1, code)
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
	require.NoError(t, os.WriteFile(db, whole[:len(whole)/2], 0o600))
	require.Contains(t, s.okOffline("restore", backup), "must enrol again")
	stop = s.serve("--skip-check")
	require.Equal(t, 31, strings.Count(s.ok("token", "list"), "\n"))
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
}
