package dpkg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"golang.org/x/sys/unix"
)

// lockPoll is between tries to get a lock: fcntl cannot wait for a lock with a
// time limit.
const lockPoll = 500 * time.Millisecond

// locks are apt's lock-frontend, held throughout, and dpkg's own lock, held
// until dpkg takes it itself.
type locks struct{ frontend, own *os.File }

// lock gets both locks, after other package managers release them. They belong
// to the open files, so closing another descriptor does not release them.
func (p *Platform) lock(ctx context.Context) (*locks, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.LockWait, errLockWait)
	defer cancel()
	l := &locks{}
	var err error
	if l.frontend, err = p.lockFile(ctx, "var/lib/dpkg/lock-frontend"); err != nil {
		return nil, err
	}
	if l.own, err = p.lockFile(ctx, "var/lib/dpkg/lock"); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

var errLockWait = errors.New("the wait for the lock is over")

func (p *Platform) lockFile(ctx context.Context, name string) (*os.File, error) {
	f, err := inroot.OpenFile(p.cfg.Root, name, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("the package database cannot be locked (deploying needs root): %w", err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		want := unix.Flock_t{Type: unix.F_WRLCK, Whence: unix.SEEK_SET}
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &want)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) {
			return nil, errors.Join(fmt.Errorf("%s cannot be locked: %w", f.Name(), err), f.Close())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			holder := holderOf(f)
			if errors.Is(context.Cause(ctx), errLockWait) {
				err = fmt.Errorf("another package manager%s held the lock %s for all of %v: let it finish or end it, then run the job again", holder, f.Name(), p.cfg.LockWait)
			} else {
				err = ctx.Err()
			}
			return nil, errors.Join(err, f.Close())
		}
	}
}

// holderOf names the process that holds a lock, if that can be found out.
func holderOf(f *os.File) string {
	probe := unix.Flock_t{Type: unix.F_WRLCK, Whence: unix.SEEK_SET}
	if unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &probe) != nil || probe.Pid <= 0 {
		return ""
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", probe.Pid))
	if err != nil {
		return fmt.Sprintf(" (process %d)", probe.Pid)
	}
	return fmt.Sprintf(" (process %d, %s)", probe.Pid, strings.TrimSpace(string(name)))
}

// yield releases dpkg's own lock, because dpkg takes it itself. Lock-frontend
// keeps other package managers out.
func (l *locks) yield() error {
	if l.own == nil {
		return nil
	}
	err := l.own.Close()
	l.own = nil
	return err
}

func (l *locks) close() {
	for _, f := range []*os.File{l.own, l.frontend} {
		if f != nil {
			_ = f.Close() // closing unlocks; nothing was written
		}
	}
}

// detach gives a command its own session: signals to the agent's group or
// terminal do not reach it. When its context ends, the command's group gets
// SIGTERM, and the command is killed after the grace.
func detach(cmd *exec.Cmd, grace time.Duration) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
}

// sweep gives the rest of a command's group the grace to end, and then kills
// it.
func sweep(cmd *exec.Cmd, grace time.Duration) {
	group := -cmd.Process.Pid
	for end := time.Now().Add(grace); time.Now().Before(end) && syscall.Kill(group, 0) == nil; {
		time.Sleep(min(100*time.Millisecond, grace))
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // an error means that all of it has ended
}

// contain kills a command's whole group when its context ends, and runs it
// inside the root folder, if there is one.
func contain(cmd *exec.Cmd, root string) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if root != "/" {
		cmd.SysProcAttr.Chroot = root
	}
	cmd.Dir = "/"
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
