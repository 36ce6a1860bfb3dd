package home

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Status is what a running agent shows of itself after each commit.
type Status struct {
	Format  int         `json:"format"`  // Format; see WriteStatus
	Process int         `json:"process"` // of the agent that wrote it
	Written time.Time   `json:"written"`
	State   agent.State `json:"state"`
}

// WriteStatus replaces the status, and numbers it.
func (h Home) WriteStatus(s Status) error {
	s.Format = Format
	return h.writeJSON("status.json", s)
}

// ReadStatus returns the last status; not ok when there is none yet.
func (h Home) ReadStatus() (s Status, ok bool, err error) {
	err = h.readJSON("status.json", &s)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, false, nil
	}
	if err == nil {
		err = manifest.CheckFormat(h.file("status.json"), s.Format, Format)
	}
	return s, err == nil, err
}

// Running reports whether the process that wrote the status is there still. Where that cannot be told it says no.
func (s Status) Running() bool {
	if s.Process <= 0 {
		return false
	}
	p, err := os.FindProcess(s.Process)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, fs.ErrPermission)
}

// entry is a line of the journal.
type entry struct {
	Format int `json:"format"`
	job.Report
}

// Journal is the list of every report an agent made.
type Journal struct {
	file interface {
		io.WriterAt
		io.Closer
		Truncate(int64) error
	}
	end  int64 // of the last whole line
	last job.Sequence
}

// OpenJournal opens it for writing. A line that a crash cut off is cut away.
func (h Home) OpenJournal() (*Journal, error) {
	f, err := owned.Open(h.file("journal.jsonl"), os.O_RDWR|os.O_CREATE, owned.State)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: f}
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			break // the end, or a line without one
		}
		var report entry
		err = enum.Unmarshal(line, &report)
		if err == nil {
			err = manifest.CheckFormat(f.Name(), report.Format, Format)
		}
		if newer, is := errors.AsType[*manifest.NewerFormat](err); is {
			return nil, errors.Join(newer, f.Close())
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s is damaged at byte %d: move it away", f.Name(), j.end), f.Close())
		}
		j.last = max(j.last, report.Sequence)
		j.end += int64(len(line))
	}
	if err := f.Truncate(j.end); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// Add appends the reports that are not there yet. A line for which a full disk has no room leaves nothing behind.
func (j *Journal) Add(reports []job.Report) error {
	for _, r := range reports {
		if r.Sequence <= j.last {
			continue
		}
		line, err := json.Marshal(entry{Format, r})
		if err != nil {
			return err
		}
		n, err := j.file.WriteAt(append(line, '\n'), j.end)
		if err != nil {
			return errors.Join(err, j.file.Truncate(j.end))
		}
		j.end += int64(n)
		j.last = r.Sequence
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
