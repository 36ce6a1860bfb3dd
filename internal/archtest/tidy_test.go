package archtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tidy returns what "go mod tidy" would change in dir; empty: nothing. An error
// says that it could not be determined.
func tidy(ctx context.Context, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy", "-diff")
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil && stdout.Len() == 0 {
		return "", &exec.Error{Name: "go mod tidy -diff", Err: errorText(strings.TrimSpace(stderr.String()) + " " + err.Error())}
	}
	return stdout.String(), nil
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestGoModIsTidy(t *testing.T) {
	dir, err := root()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	diff, err := tidy(ctx, dir)
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("SKIPPED: not checked, because the go command needs modules it could not fetch: %v", err)
	}
	require.NoError(t, err)
	require.Empty(t, diff, "run go mod tidy")
}

func TestTidyCheckFails(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "off")
	write("a.go", "package a\n")
	write("go.mod", "module example.org/a\n\ngo 1.26.0\n")
	diff, err := tidy(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, diff)

	write("go.mod", "module example.org/a\n\ngo 1.26.0\n\nrequire example.org/b v1.0.0\n\nreplace example.org/b => ./b\n")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "b"), 0o700))
	write("b/go.mod", "module example.org/b\n")
	write("b/b.go", "package b\n")
	diff, err = tidy(t.Context(), dir)
	require.NoError(t, err)
	require.Contains(t, diff, "-require example.org/b v1.0.0")

	write("go.mod", "not a module\n")
	_, err = tidy(t.Context(), dir)
	require.ErrorContains(t, err, "go.mod")
}
