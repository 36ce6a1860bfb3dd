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

// program is one of a world's two processes. It is started again after each
// kill and each reboot of its asset, until the world ends.
type program struct {
	spec    spec
	onStart func(line string) // called with the first line that the process prints; may be nil
	onEnd   func()            // called when it has ended; may be nil
	pause   func()            // called before it is started again

	mu    sync.Mutex
	cmd   *exec.Cmd // nil: it does not run
	ends  bool      // it is not started again
	kills int       // how often a SIGKILL ended it
}

func (p *program) log() string { return filepath.Join(p.spec.Dir, p.spec.Role+".log") }

// run starts the process again and again until end. It returns an error if the
// process ends in another way than a kill or a reboot.
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
	if _, err := cmd.StdinPipe(); err != nil { // it ends when this process does
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
	_ = cmd.Wait() // the process state has the result
	switch code := cmd.ProcessState.ExitCode(); code {
	case -1:
		return true, nil
	case exitReboot:
		return false, nil
	default:
		return false, fmt.Errorf("the %s ended with %d:\n%s", p.spec.Role, code, tail(p.log(), 3000))
	}
}

// kill kills the process if it runs.
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

// tail returns the end of a file.
func tail(path string, most int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}

// line is the connection to the server. Its address stays the same when the
// server starts again at another one.
type line struct {
	listener net.Listener
	mu       sync.Mutex
	at       string // empty: no server runs
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
