// Package runner drives one whole agent, the pure machine of job/agent, on a real asset.
//
// Run drives the machine until its context ends: it loads the agent's state, and from then on one goroutine takes one event at
// a time and does, in this order,
//
//  1. agent.Step;
//  2. State.Commit, unless the bytes did not change;
//  3. Config.Observe;
//  4. the effects of the step, handed to the goroutines that carry them out.
//
// Nothing is done that is not durable: when a commit fails, Run ends with an error, and no effect of that step is carried out.
// Results come back as events through a bounded channel. What is carried out where:
//
//   - Call: on a goroutine of its own; a newer check-in cuts an older one off;
//   - TakeInventory, Preflight, Install, RunAction and Reboot: one after the other, in the order of the effects;
//   - Download, DownloadEarly and Discard: one after the other for each order. A Discard cuts off downloads of the same files that run or
//     wait;
//   - Prompt: one after the other, not waiting for the others.
//
// Two ports are between the runner and the asset: State (adapter boltstate) and Platform (adapter dpkg; conformance suite platformtest).
// The third port, Server, is the way to the server (adapter manifest/agenthttp).
//
// # Rules
//
// The runner holds the parts of these rules that are outside the machine:
//
//   - INT-6: the bytes verified are the bytes installed. Files are staged in a folder of mode 0700 that only root and the agent's user can
//     swap (Run refuses a place below a folder that others own, or may write to unless it is sticky), in files of mode 0600 that are opened
//     without following links; before an install every staged file is opened once, its digest is taken again from that very
//     descriptor and compared with the one that passed, and the Platform is handed the descriptor, never a path. A file that
//     changed fails its patch with code 12, one that is gone with code 7.
//   - INT-8: a Discard deletes the staged files of one patch or of a whole order.
//   - INT-9: a signature file that the server says is not there (404, 410) is absent. One that cannot be fetched is a failed download,
//     never "absent".
//   - INT-11: a source that is slow fails. A connection that brings nothing for a minute, or less than Config.MinRate over a
//     minute, is cut and tried again, five times without headway; a file as a whole has a time from its size (2 minutes and what
//     it takes at MinRate, Config.DownloadTime at most; 6 hours when the order tells no size). A file URL is opened only below
//     Config.LocalFiles, only if it is a regular file, and a read of it ends with Run even where it never returns.
//   - JOB-2: what goes wrong with a patch is that patch's result: a download that fails has code 4 (13 without a URL), a Platform
//     that fails gives each patch it was asked about code 5 or 9.
//   - JOB-10: a Discard, as at the end of the window, cuts a download off at once.
//   - JOB-17: a download that was cut off goes on where it stopped, if the server still has the same file; what is staged completely for
//     the same order and patch is digested again and used, not fetched again.
//   - JOB-18: an inventory that hangs for 30 minutes is a failed try.
//   - JOB-25: the Platform is given the install limit, which it alone can enforce.
//   - JOB-21: every state is committed before anything that follows from it, the reboot above all.
//   - JOB-23: files fetched before the start are staged in the same place, and a Discard cuts such a download off and deletes it.
//   - MAN-7: a check-in is given up when the machine begins the next one, and after 60 s. An error that is manifest.ErrRefused is a
//     refusal; any other is a call that failed.
//   - MAN-8: each step gets the wall clock, the boot identity and the time since boot, sleep included.
//   - RBT-12: the Platform is handed all that a prompt has to say.
//   - RBT-8, RBT-9: while an execution is under way the Platform is asked every Config.Poll for the boot identity and the sessions. When it
//     fails, says none of the known answers, or does not answer within 30 s, the sessions are Unknown, which counts as somebody, whatever
//     was known before.
//
// # Stopping
//
// When the context of Run ends, downloads, actions and check-ins are cut off, without a result: the next Run resumes them. An install that
// has begun is waited for. What it, or an action that ended all the same, returned is committed, and nothing more is begun. Run then returns nil.
//
// # Crash tests
//
// Config.Trace is called at named points, from the goroutine that does the work, so a test can kill the process there:
// "load", "commit" and each effect by its kind ("inventory", "download", "preflight", "install", "action", "prompt", "reboot", "discard",
// "call"), once with ":before" and once with ":after" appended: "commit:before", "install:after".
// A result's event is sent after the ":after" point of its effect.
package runner
