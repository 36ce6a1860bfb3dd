//go:build unix

package inroot

import "syscall"

const noWait = syscall.O_NONBLOCK
