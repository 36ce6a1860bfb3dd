package dpkg

import (
	"os/exec"
	"syscall"
	"time"
)

// detach gives a command a session of its own: signals to the agent's group or terminal do not reach it. When its context
// ends, all of the session's first group is asked to end, and the command is killed after the grace.
func detach(cmd *exec.Cmd, grace time.Duration) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
}

// sweep gives what a command left of its group the grace to end as it was asked to, and kills what is left then.
func sweep(cmd *exec.Cmd, grace time.Duration) {
	group := -cmd.Process.Pid
	for end := time.Now().Add(grace); time.Now().Before(end) && syscall.Kill(group, 0) == nil; {
		time.Sleep(min(100*time.Millisecond, grace))
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // no such group: all of it has ended
}

// contain makes a command's whole group end when its context does, and runs it inside a root folder if there is one.
func contain(cmd *exec.Cmd, root string) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if root != "/" {
		cmd.SysProcAttr.Chroot = root
	}
	cmd.Dir = "/"
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
