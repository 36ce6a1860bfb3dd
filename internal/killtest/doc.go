// Package killtest kills the real programs and looks at what they then have:
// nothing acknowledged is lost, nothing done is done again.
//
// It holds tests only. In a folder of its own each world has an agent process
// (job/runner over boltstate and agenthttp, on a folder as its disk) and a
// server process (examples/server over SQLite), and an administrator who
// enables seven jobs: one with a transaction and actions, one that reboots, one
// with a bad file, one that does not apply, one cancelled and one withdrawn
// before they start, and one cancelled while it may be under way. Both
// processes are the test's own binary, started again with a role.
//
//   - At every step: each point that the agent's runner, its state, its installer, the server's transactions and its answers pass has a
//     name; a process kills itself there, with SIGKILL, and is started again.
//   - At random instants, from outside, both, again and again, until the work is done.
//   - At random instants the files of the running programs are copied and opened by the real code; others are cut off or damaged first.
//
// Afterwards check.go's checks hold the agent's journal, the disk's own log,
// the server's records and what was acknowledged on the way against each other.
// Planted faults, a state and a store that acknowledge before they commit among
// them, prove that the checks can fail.
//
// What a plain copy of a live file is worth, which the tests hold the code to:
//
//   - of an agent's state: what some commit wrote, and none older than the last one before the copy began; or it is refused as
//     *boltstate.Corrupt. Copy again then. A copy of an agent that stands still is always good.
//   - of a server's database: server.db together with server.db-wal, the database first. As long as no checkpoint falls between the two, it is
//     what had been committed when the second copy began, or less by the last transactions. SQLite checkpoints when the log has about
//     4 MB, and then the copy can be a mixture that nothing detects. Stop the server, or use SQLite's own backup, for one to rely on.
//
// A kill is not a power failure: what a process wrote stays in the system's
// memory. What a power failure may take away is simulated by the crash model of
// package agentsim, and in part here, by files whose end is missing.
//
// The default run stays under 40 s on two quiet cores. The long one kills at
// every single point, and 300 worlds at random:
//
//	go test ./internal/killtest -long -timeout 90m -v
package killtest
