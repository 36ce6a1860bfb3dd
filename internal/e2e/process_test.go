package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is a started program. The end of its test kills it, and shows the end
// of its log if the test failed.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	log  string // file with its output
	done chan struct{}
	err  error // once done

	mayEnd atomic.Bool // it may end by itself
}

// start starts a program. Name is for people, and for the file of its log; a
// later process of the same name appends to it.
func start(t *testing.T, name, log, path string, args ...string) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer out.Close()
	p := &process{t: t, name: name, cmd: exec.Command(path, args...), log: log, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Dir = filepath.Dir(log)
	p.cmd.Env = append(os.Environ(), "LC_ALL=C")
	tie(p.cmd)
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		if !p.mayEnd.Load() {
			died.Store(t, name)
		}
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", name, p.said(6000))
		}
	})
	return p
}

// kill sends SIGKILL and waits until the process is gone.
func (p *process) kill() {
	p.mayEnd.Store(true)
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("%s cannot be killed: %v", p.name, err)
	}
	<-p.done
}

// stop asks the process to end, and wants it to end well.
func (p *process) stop() {
	p.t.Helper()
	p.mayEnd.Store(true)
	require.NoError(p.t, p.cmd.Process.Signal(os.Interrupt))
	await(p.t, p.name+" to end", func() bool { return !p.running() })
	require.NoError(p.t, p.err, "%s:\n%s", p.name, p.said(3000))
}

// mayFail lets the process end by itself.
func (p *process) mayFail() { p.mayEnd.Store(true) }

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// said returns the end of the process's output.
func (p *process) said(most int) string {
	b, err := os.ReadFile(p.log)
	require.NoError(p.t, err)
	return string(b[max(0, len(b)-most):])
}

// output runs a program to its end and returns its output. The exit code must
// be 0.
func output(t *testing.T, path string, args ...string) []byte {
	t.Helper()
	out, text, err := try(t, path, args...)
	require.NoError(t, err, "%s %q: %s", filepath.Base(path), args, text)
	return out
}

// try runs a program to its end and returns its output and its standard error.
func try(t *testing.T, path string, args ...string) (out []byte, text string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	tie(cmd)
	err = cmd.Run()
	return stdout.Bytes(), stderr.String(), err
}
