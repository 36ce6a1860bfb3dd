//go:build !unix

package relic

// limitMemory does nothing where the system has no such bound for a process.
func limitMemory() {}
