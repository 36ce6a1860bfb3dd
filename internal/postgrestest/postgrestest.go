// Package postgrestest starts a real PostgreSQL for the tests of one binary, with
// a database for each test. It listens on a socket in a folder of its own, and
// on no port. What it keeps is gone with the tests, so it never waits for a disk
// (fsync is off).
//
//	func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }
//	func TestX(t *testing.T)    { s, err := postgres.Open(ctx, postgrestest.Database(t)) … }
//
// The programs come from Debian's package postgresql. PostgreSQL refuses to run
// as root; it runs as the user postgres or nobody then. Without all this, a test
// says what is missing and is skipped, and fails with CI=true.
package postgrestest

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// server is the PostgreSQL of this process.
type server struct {
	folder string
	bin    string   // folder of the programs
	as     []string // what a command begins with, so that it runs as another user
	cmd    *exec.Cmd
	log    bytes.Buffer
}

var (
	running atomic.Pointer[server]
	once    = sync.OnceValues(start)
	number  atomic.Int64
)

// Main runs a binary's tests, ends PostgreSQL and returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	if s := running.Load(); s != nil {
		s.stop()
	}
	return code
}

// Database makes an empty database for a test, and returns its URL.
func Database(t testing.TB) string {
	t.Helper()
	s, err := once()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PostgreSQL does not run here: %v", err)
		}
		t.Skipf("SKIPPED ALOUD: PostgreSQL does not run here: %v", err)
	}
	name := fmt.Sprintf("test%d", number.Add(1))
	if out, err := s.command("createdb", "-h", s.folder, "-U", "postgres", name).CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v\n%s\n%s", err, out, s.log.String())
	}
	return "postgres://postgres@/" + name + "?host=" + url.QueryEscape(s.folder)
}

func start() (*server, error) {
	s := &server{}
	var err error
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.folder, err = os.MkdirTemp("", "pg"); err != nil { // short: a socket's path has at most 107 bytes
		return nil, err
	}
	running.Store(s)
	if os.Getuid() == 0 {
		if err := s.leaveRoot(); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(s.folder, "data")
	if out, err := s.command("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	args := []string{"-D", data, "-k", s.folder}
	for _, setting := range []string{
		"listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=200", "max_pred_locks_per_transaction=1024", "max_pred_locks_per_page=32",
	} {
		args = append(args, "-c", setting)
	}
	s.cmd = s.command("postgres", args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if s.command("pg_isready", "-q", "-h", s.folder).Run() == nil {
			return s, nil
		}
		if time.Since(begun) > 2*time.Minute {
			return nil, fmt.Errorf("PostgreSQL does not answer:\n%s", s.log.String())
		}
	}
}

// programs finds the newest PostgreSQL.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	newest, bin := 0, ""
	for _, path := range found {
		dir := filepath.Dir(path)
		if n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))); n > newest {
			newest, bin = n, dir
		}
	}
	if bin == "" {
		return "", fmt.Errorf("there is no /usr/lib/postgresql/*/bin/postgres; install Debian's package postgresql")
	}
	return bin, nil
}

// leaveRoot makes the programs run as another user, who gets the folder.
func (s *server) leaveRoot() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.as = []string{"setpriv", "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups", "--pdeathsig=KILL", "--"}
		return os.Chown(s.folder, uid, gid)
	}
	return fmt.Errorf("there is neither a user postgres nor a user nobody")
}

func (s *server) command(program string, args ...string) *exec.Cmd {
	line := append(append([]string{}, s.as...), append([]string{filepath.Join(s.bin, program)}, args...)...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = s.folder
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") { // nobody else's settings
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	return cmd
}

// stop ends PostgreSQL at once: what it has is not needed any more.
func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait() // the result does not matter
	}
	_ = os.RemoveAll(s.folder)
}
