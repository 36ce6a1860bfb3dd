package killtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// points are the steps of a process. Each is written to a file before it is
// passed, for the test and the next process.
//
// A process kills itself at the point whose number is spec.At. It also kills
// itself, once per world, at each point that the file "<role>.kills" names, in
// full or without the step that the process is in.
type points struct {
	mu     sync.Mutex
	file   *os.File
	at     int
	passed int
	kills  map[string]bool
}

// died marks the line of a point where a process killed itself.
const died = "† "

func pointsFile(dir, role string) string { return filepath.Join(dir, role+".points") }
func killsFile(dir, role string) string  { return filepath.Join(dir, role+".kills") }

func openPoints(s spec) (*points, error) {
	p := &points{at: s.At, kills: map[string]bool{}}
	wanted, err := lines(killsFile(s.Dir, s.Role))
	if err != nil {
		return nil, err
	}
	for _, key := range wanted {
		p.kills[key] = true
	}
	before, err := lines(pointsFile(s.Dir, s.Role))
	if err != nil {
		return nil, err
	}
	p.passed = len(before)
	for _, line := range before {
		if key, killed := strings.CutPrefix(line, died); killed {
			delete(p.kills, key)
			delete(p.kills, name(key))
		}
	}
	p.file, err = appendTo(pointsFile(s.Dir, s.Role))
	return p, err
}

// pass passes a point, or ends the process there.
func (p *points) pass(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed++
	if p.passed != p.at && !p.kills[key] && !p.kills[name(key)] {
		fmt.Fprintln(p.file, key)
		return
	}
	fmt.Fprintln(p.file, died+key)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(fmt.Sprint("still alive: ", err))
	}
	select {}
}

// name returns the name of a point without the step that the process was in.
func name(key string) string {
	short, _, _ := strings.Cut(key, " ")
	return short
}

// appendTo opens a file for adding whole lines. What is written survives the
// process.
func appendTo(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// lines reads the whole lines of a file. A missing file has none.
func lines(path string) (all []string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return all, nil // the end, or an incomplete line
		}
		all = append(all, strings.TrimSuffix(line, "\n"))
	}
}

// readJSON reads a file with one JSON value per line.
func readJSON[T any](path string) (all []T, err error) {
	text, err := lines(path)
	if err != nil {
		return nil, err
	}
	for _, line := range text {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return nil, fmt.Errorf("%s: %w: %.200q", path, err, line)
		}
		all = append(all, v)
	}
	return all, nil
}
