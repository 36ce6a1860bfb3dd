//go:build unix

package relic

import "syscall"

// limitMemory ends the process where relic would take all there is.
func limitMemory() {
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: 4 << 30, Max: 4 << 30})
}
