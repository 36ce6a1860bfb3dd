package e2e

import (
	"os/exec"
	"syscall"
)

// tie makes the program die with the test, even one that is killed.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
