// Package boltstate is the runner.State that keeps an agent's state in a bbolt file.
//
//	state, err := boltstate.Open("/var/lib/patchpolicy/state.db")
//	defer state.Close()
//
// A commit is one bbolt transaction: it is on the disk when Commit returns, and after a crash at any instant Load returns the bytes of the
// last commit that returned, or of the one that was under way. The file is locked while it is open: a second agent on the same file is
// refused with ErrInUse. It is made with mode 0600. It serves JOB-21: what an execution did is durable before anything that could
// cut its report off.
//
// A plain copy of the file, made while the agent goes on, is as new as the last commit before the copy began or newer, or it is refused as
// *Corrupt and has to be made again. The record is bound to the transaction it was written in, so that such a copy is never
// taken for a new file or for an older state. A file whose newest header alone was damaged opens as of the commit before.
package boltstate
