package home

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Status is what a running agent writes about itself after each commit.
type Status struct {
	Format  int         `json:"format"`  // [Format]; set by WriteStatus
	Process int         `json:"process"` // the id of the agent's process
	Written time.Time   `json:"written"`
	State   agent.State `json:"state"`
}

// WriteStatus replaces the status and sets its format.
func (h Home) WriteStatus(s Status) error {
	s.Format = Format
	return h.writeJSON("status.json", s)
}

// ReadStatus returns the last status. Ok is false before the first.
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

// Running reports whether the process that wrote the status still runs. If that
// cannot be found out, it returns false.
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
