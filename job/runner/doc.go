// Package runner runs a whole agent, the pure machine of job/agent, on a real
// asset.
//
// [Run] loads the agent's state and then handles one event at a time, until its
// context ends. For each event, one goroutine does these things in this order:
//
//  1. agent.Step;
//  2. State.Commit, unless the state is unchanged;
//  3. Config.Observe;
//  4. it starts the effects of the step on other goroutines.
//
// No effect starts before the state that asks for it is durable (JOB-21). When
// a commit fails, Run returns an error and starts no effect of that step.
// Results come back as events through a bounded channel. agent.Out says which
// effects run one after another and which in parallel. A newer check-in cancels
// an older one.
//
// Three ports connect the runner to the rest: [State] (adapter boltstate),
// [Platform] (adapter dpkg, conformance suite platformtest) and [Server]
// (adapter manifest/agenthttp).
//
// # Rules
//
// The runner implements the parts of these rules that are outside the machine:
//
//   - INT-6: the bytes verified are the bytes installed. Files are staged in a
//     folder of mode 0700 that only root and the agent's user can replace. Run
//     refuses a folder if a parent of it belongs to others, or is writable by
//     others and not sticky. Staged files have mode 0600 and are opened without
//     following links. Before an install, each file is opened once, and the
//     digest is computed again from that descriptor and compared with the
//     verified one. The Platform gets the descriptor, never a path. A file that
//     changed fails its patch with code 12, a missing file with code 7.
//   - INT-9: a signature file for which the server answers 404 or 410 is
//     absent. One that cannot be fetched is a failed download, never "absent".
//   - INT-11: a slow source fails. A connection that delivers nothing for a
//     minute, or less than Config.MinRate over a minute, is closed and retried;
//     after five tries in a row without progress the download fails. Each file
//     also has a time limit: 2 minutes plus the time that its size takes at
//     MinRate, at most Config.DownloadTime; 6 hours if the order gives no size.
//     A file URL is opened only below Config.LocalFiles and only if it is a
//     regular file. When Run ends, it does not wait for a read that never
//     returns.
//   - JOB-2: a failure of one patch is the result of that patch only. A failed
//     download has code 4 (13 without a URL). When the Platform fails, each
//     patch it was asked about gets code 5 or 9.
//   - JOB-10: a Discard cancels a download at once, for example at the end of
//     the window.
//   - JOB-17: an interrupted download continues where it stopped if the server
//     still has the same file. A file that is completely staged for the same
//     order and patch is verified again, not fetched again.
//   - JOB-18: an inventory that takes longer than 30 minutes is a failed try.
//   - MAN-7: a check-in ends when the machine starts the next one, or after 60
//     s. An error that is manifest.ErrRefused is a refusal; any other error is
//     a failed call.
//   - RBT-8, RBT-9: during an execution the runner asks the Platform for the
//     boot identity and the sessions every Config.Poll. If the Platform fails,
//     gives an unknown answer or does not answer within 30 s, the sessions
//     become Unknown, whatever they were before. Unknown counts as somebody
//     logged in.
//
// # Stopping
//
// When the context of Run ends, downloads, actions and check-ins are cancelled
// without a result; the next Run resumes them. Run waits for an install that
// has begun. It commits the result of that install, and of an action that ended
// despite the cancel. It starts nothing else and returns nil.
//
// # Crash tests
//
// Config.Trace is called at named points, from the goroutine that does the
// work, so a test can kill the process there. The points are "load", "commit",
// and each effect by its kind ("inventory", "download", "preflight", "install",
// "action", "prompt", "reboot", "discard", "call"), each with ":before" and
// ":after" appended: "commit:before", "install:after". The event of a result is
// sent after the ":after" point of its effect.
package runner
