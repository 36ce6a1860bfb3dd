package killtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// program is one of a world's two processes. It is started again whenever it
// was killed, or its asset reboots, until the world ends.
type program struct {
	spec    spec
	onStart func(line string) // told what the process prints first; nil: nobody
	onEnd   func()            // told when it has ended; nil: nobody
	pause   func()            // before it is started again

	mu    sync.Mutex
	cmd   *exec.Cmd // nil while there is none
	ends  bool      // it is not started again
	kills int       // SIGKILLs that it ended by
}

func (p *program) log() string { return filepath.Join(p.spec.Dir, p.spec.Role+".log") }

// run keeps the process going until end. The error is a process that ended in a
// way it should not.
func (p *program) run() error {
	log, err := appendTo(p.log())
	if err != nil {
		return err
	}
	defer log.Close()
	for {
		killed, err := p.once(log)
		p.mu.Lock()
		p.cmd = nil
		ends := p.ends
		if killed && !ends {
			p.kills++
		}
		p.mu.Unlock()
		if p.onEnd != nil {
			p.onEnd()
		}
		if err != nil || ends {
			return err
		}
		p.pause()
	}
}

func (p *program) once(log *os.File) (killed bool, err error) {
	text, err := json.Marshal(p.spec)
	if err != nil {
		return false, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = log
	if _, err := cmd.StdinPipe(); err != nil { // it ends when this one does
		return false, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	if !p.ends {
		err = cmd.Start()
		p.cmd = cmd
	}
	ends := p.ends
	p.mu.Unlock()
	if err != nil || ends {
		return false, err
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); err == nil && p.onStart != nil {
		p.onStart(line[:len(line)-1])
	}
	_, _ = io.Copy(io.Discard, r)
	_ = cmd.Wait() // the state says what came of it
	switch code := cmd.ProcessState.ExitCode(); code {
	case -1:
		return true, nil
	case exitReboot:
		return false, nil
	default:
		return false, fmt.Errorf("the %s ended with %d:\n%s", p.spec.Role, code, tail(p.log(), 3000))
	}
}

// kill kills the process, if there is one.
func (p *program) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Kill() // it may have ended already
	}
}

// end kills the process for good.
func (p *program) end() {
	p.mu.Lock()
	p.ends = true
	p.mu.Unlock()
	p.kill()
}

func (p *program) killed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kills
}

// tail is the end of a file.
func tail(path string, most int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}

// line is the way to the server: it stays where it is when the server is
// started again elsewhere.
type line struct {
	listener net.Listener
	mu       sync.Mutex
	at       string // empty: nobody is there
}

func newLine() (*line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &line{listener: listener}
	go l.serve()
	return l, nil
}

func (l *line) url() string { return "http://" + l.listener.Addr().String() }

func (l *line) to(at string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = at
}

func (l *line) serve() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		l.mu.Lock()
		at := l.at
		l.mu.Unlock()
		go splice(from, at)
	}
}

// splice joins a connection with a new one, until either ends.
func splice(from net.Conn, at string) {
	defer from.Close()
	if at == "" {
		return
	}
	to, err := net.Dial("tcp", at)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}()
	_, _ = io.Copy(from, to)
}
