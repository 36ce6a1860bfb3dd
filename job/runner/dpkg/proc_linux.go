package dpkg

import (
	"os/exec"
	"syscall"
	"time"
)

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
