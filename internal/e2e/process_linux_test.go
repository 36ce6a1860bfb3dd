package e2e

import (
	"os/exec"
	"syscall"
)

// tie makes the program end with the test, even if the test is killed.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
