//go:build !linux

package dpkg

import (
	"context"
	"os/exec"
	"time"
)

// On other systems New returns ErrUnsupported, so nothing here is ever called.
// It lets programs that import this package build.

type locks struct{}

func (p *Platform) lock(context.Context) (*locks, error) { return nil, ErrUnsupported }
func (l *locks) yield() error                            { return ErrUnsupported }
func (l *locks) close()                                  {}

func detach(*exec.Cmd, time.Duration) {}
func sweep(*exec.Cmd, time.Duration)  {}
func contain(*exec.Cmd, string)       {}
