// Package boltstate is the [runner.State] that stores an agent's state in a
// bbolt file.
//
//	state, err := boltstate.Open("/var/lib/patchpolicy/state.db")
//	defer state.Close()
//
// A commit is one bbolt transaction: it is on the disk when Commit returns.
// After a crash at any instant, Load returns the bytes of the last commit that
// returned, or of the commit that was running (JOB-21). The file has mode 0600
// and is locked while it is open: a second agent on the same file gets
// ErrInUse.
//
// A plain copy of the file, made while the agent runs, is at least as new as
// the last commit before the copy began; or it is refused as [*Corrupt] and has
// to be made again. The record is bound to the transaction that wrote it, so
// such a copy is never taken for a new file or for an older state. A file of
// which only the newest header is damaged opens with the commit before.
package boltstate
