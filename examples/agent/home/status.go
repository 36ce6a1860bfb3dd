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
