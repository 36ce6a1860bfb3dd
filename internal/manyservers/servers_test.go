package manyservers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/internal/postgrestest"
)

// childEnv holds the spec of a server that the test starts.
const childEnv = "MANYSERVERS_CHILD"

type spec struct{ Dir, Store string }

func TestMain(m *testing.M) {
	text, child := os.LookupEnv(childEnv)
	if !child {
		os.Exit(postgrestest.Main(m))
	}
	go func() { // a server ends with the test that started it
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	var s spec
	err := json.Unmarshal([]byte(text), &s)
	if err == nil {
		err = serveAs(s)
	}
	fmt.Fprintln(os.Stderr, "ended:", err)
	os.Exit(1)
}

func feedFile(dir string) string { return filepath.Join(dir, "feed.json") }

func serveAs(s spec) error {
	feeds := func() ([]catalog.Feed, error) {
		feed, err := jsonfeed.New("vendor", feedFile(s.Dir), jsonfeed.Options{})
		return []catalog.Feed{feed}, err
	}
	first, err := feeds()
	if err != nil {
		return err
	}
	return serve.Run(context.Background(), serve.Config{
		Files: serve.In(filepath.Join(s.Dir, "server")), Store: s.Store, Listen: "127.0.0.1:0", SyncEvery: 5 * time.Second, CheckIn: time.Minute,
		Feeds: first, Remake: feeds, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Listening: func(at net.Addr) { fmt.Println(at) },
	})
}

// servers are three processes, which are started again after each kill.
type servers struct {
	dir, store string
	only       int // 1 to 3: any is this one; 0: any that listens

	mu      sync.Mutex
	at      [3]string // where each listens; empty: it does not
	running [3]*exec.Cmd
	kills   int
	ends    bool
}

func (s *servers) log(i int) string { return filepath.Join(s.dir, fmt.Sprintf("server%d.log", i)) }

// run starts server i again and again until end. It returns an error if the
// server ends in another way than a kill.
func (s *servers) run(i int) error {
	log, err := os.OpenFile(s.log(i), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	text, err := json.Marshal(spec{s.dir, fmt.Sprintf("%s&application_name=server%d", s.store, i)})
	if err != nil {
		return err
	}
	for {
		cmd := exec.Command(os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), childEnv+"="+string(text)), log
		if _, err := cmd.StdinPipe(); err != nil {
			return err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		s.mu.Lock()
		ends := s.ends
		if !ends {
			s.running[i], err = cmd, cmd.Start()
		}
		s.mu.Unlock()
		if ends || err != nil {
			return err
		}
		r := bufio.NewReader(out)
		if line, err := r.ReadString('\n'); err == nil {
			s.set(i, line[:len(line)-1])
		}
		_, _ = io.Copy(io.Discard, r)
		_ = cmd.Wait() // the process state has the result
		s.set(i, "")
		if code := cmd.ProcessState.ExitCode(); code >= 0 {
			text, _ := os.ReadFile(s.log(i))
			return fmt.Errorf("server %d ended with %d:\n%s", i, code, text[max(0, len(text)-3000):])
		}
	}
}

func (s *servers) set(i int, at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[i] = at
}

// any is a server that listens. Empty: none does.
func (s *servers) any() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.only > 0 {
		return "http://" + s.at[s.only-1]
	}
	from := rand.IntN(len(s.at))
	for i := range s.at {
		if at := s.at[(from+i)%len(s.at)]; at != "" {
			return "http://" + at
		}
	}
	return ""
}

// listens waits until a server does.
func (s *servers) listens(ctx context.Context, i int) error {
	for {
		s.mu.Lock()
		at := s.at[i]
		s.mu.Unlock()
		if at != "" {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("server %d does not listen: %w", i, err)
		}
	}
}

func (s *servers) kill(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at[i] != "" {
		s.kills++
		s.at[i] = ""
		_ = s.running[i].Process.Kill() // it may have ended already
	}
}

func (s *servers) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = true
	for _, cmd := range s.running {
		if cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
	}
}
