// Package killtest kills the real programs and checks what is left: nothing
// acknowledged is lost, and nothing done is done again.
//
// It holds tests only. Each world has its own folder, an agent process
// (job/runner over boltstate and agenthttp, with a folder as its disk), a server
// process (examples/server on SQLite), and an administrator who enables seven
// jobs: one with a transaction and actions, one that reboots, one with a bad
// file, one that does not apply, one cancelled and one withdrawn before they
// start, and one cancelled when it may have started. Both processes are the
// test's own binary, started again with a role.
//
//   - At every step: each point that the agent's runner, its state, its
//     installer, the server's transactions and its answers pass has a name. A
//     process kills itself there with SIGKILL and is started again.
//   - At random moments: both processes are killed from outside, again and
//     again, until the work is done.
//   - At random moments the files of the running programs are copied, and the
//     real code opens the copies. Others are truncated or damaged first.
//
// Afterwards the checks of check_test.go compare the agent's journal, the disk's
// own log, the server's records and what was acknowledged in between. Planted
// faults prove that the checks can fail: among them are a state and a store that
// acknowledge before they commit.
//
// The copies hold the code to what the documentation of boltstate and sqlstore
// says of a plain copy of a live file: copy_test.go has the details.
//
// A kill is not a power failure: what a process wrote stays in the system's
// memory. The crash model of package agentsim simulates what a power failure
// takes away. So does this package in part, with files whose end is missing.
//
// The default run takes under 40 s on two quiet cores. The long one kills at
// every single point, and 300 worlds at random:
//
//	go test ./internal/killtest -long -timeout 90m -v
package killtest
