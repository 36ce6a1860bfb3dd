package boltstate_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/stretchr/testify/require"
)

const childEnv = "BOLTSTATE_TEST_CHILD"

// TestMain is the agent that the crash test kills: it commits ever growing
// numbers and prints each one that Commit returned for.
func TestMain(m *testing.M) {
	path := os.Getenv(childEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := boltstate.Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	old, _, err := s.Load(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	n := number(old)
	for {
		n++
		if err := s.Commit(context.Background(), state(n), nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// state is n and some padding of varying length, so that pages split and are
// freed.
func state(n int) []byte {
	return append([]byte(strconv.Itoa(n)+" "), bytes.Repeat([]byte{'x'}, n*977%20000)...)
}

func number(b []byte) int {
	s, _, _ := strings.Cut(string(b), " ")
	n, _ := strconv.Atoi(s)
	return n
}

func TestCommitIsReadBackAfterReopen_JOB21(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := boltstate.Open(path)
	require.NoError(t, err)
	b, _, err := s.Load(t.Context())
	require.NoError(t, err)
	require.Nil(t, b)
	for _, want := range [][]byte{[]byte("one"), {}, []byte("three")} {
		require.NoError(t, s.Commit(t.Context(), want, nil))
		b, _, err = s.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, string(want), string(b))
	}
	require.NoError(t, s.Close())
	s, err = boltstate.Open(path)
	require.NoError(t, err)
	defer s.Close()
	b, _, err = s.Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, "three", string(b))
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestSecondAgentIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := boltstate.Open(path)
	require.NoError(t, err)
	defer s.Close()
	_, err = boltstate.Open(path)
	require.ErrorIs(t, err, boltstate.ErrInUse)
	require.ErrorContains(t, err, path)
}

func TestDamagedFileIsTypedAndSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	s, err := boltstate.Open(good)
	require.NoError(t, err)
	require.NoError(t, s.Commit(t.Context(), bytes.Repeat([]byte("state"), 5000), nil))
	require.NoError(t, s.Close())
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	at := bytes.Index(whole, []byte("statestate"))
	require.Positive(t, at)
	flipped := bytes.Clone(whole)
	flipped[at] ^= 1
	headless := bytes.Clone(whole)
	clear(headless[:2*os.Getpagesize()])
	for name, content := range map[string][]byte{
		"text":     []byte("this is no database"),
		"short":    whole[:5000],
		"cut off":  whole[:6*os.Getpagesize()],
		"no heads": headless,
		"one bit":  flipped,
	} {
		path := filepath.Join(dir, "bad.db")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := boltstate.Open(path)
		var bad *boltstate.Corrupt
		require.ErrorAs(t, err, &bad, name)
		require.Equal(t, path, bad.Path, name)
		require.Contains(t, bad.Error(), "move it away", name)
	}
}

func TestEndedContextCommitsNothing(t *testing.T) {
	s, err := boltstate.Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Commit(ctx, []byte("x"), nil), context.Canceled)
	b, _, err := s.Load(t.Context())
	require.NoError(t, err)
	require.Nil(t, b)
}

// The process is killed at random instants, again and again on the same file:
// whatever Commit returned for is there.
func TestKilledAtRandomInstantsLosesNothing_JOB21(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	rnd := rand.New(rand.NewPCG(1, 2))
	last, times := 0, 12
	if testing.Short() {
		times = 3
	}
	for range times {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range 1 + rnd.IntN(60) {
			require.True(t, lines.Scan(), "the child ended by itself")
		}
		require.NoError(t, cmd.Process.Kill())
		told := number([]byte(lines.Text()))
		rest, _ := io.ReadAll(out)
		for line := range strings.Lines(string(rest)) {
			if strings.HasSuffix(line, "\n") {
				told = number([]byte(strings.TrimSpace(line)))
			}
		}
		require.Error(t, cmd.Wait())

		copied := filepath.Join(t.TempDir(), "copy.db")
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied, b, 0o600))
		s, err := boltstate.Open(copied)
		require.NoError(t, err)
		got, _, err := s.Load(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Close())
		n := number(got)
		require.GreaterOrEqual(t, n, told, "a commit that returned was lost")
		require.Equal(t, string(state(n)), string(got))
		require.Greater(t, n, last)
		last = n
	}
}
