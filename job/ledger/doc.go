// Package ledger is the server's side of one order on one asset, as a machine.
//
// [Entry] is all that the server knows of an order. [Step] decides what a report, a cancel, a withdrawal, a removal or a
// missed run does to it, and returns the new entry with the effects to carry out in the same transaction. [Entry.Index]
// returns the rows by which the order is found; they are a function of the entry. [Revisions] numbers an asset's manifests.
// [Outcomes] is what became of an order's patches, with the failed installs as its index. [Run] and [StepRun] are the same
// for one occurrence of a job: planned, made, for all assets at once or zone by zone, trimmed, cancelled, withdrawn, missed.
//
// A server loads values, steps them, and stores them with the difference of their indexes, see [Changes]. Package
// job/controller does so over a store; packages agentsim/fleet and agentsim/explore over arrays. So there is one server's
// policy, and not one for each.
//
// # The life of an order
//
//	       Awaited            Made                    withdrawn, and the asset may hold it
//	(none) ───────► Waiting ───────► Open ──────────────────────────────────────────────► Gone
//	   └──────────────Made────────────┘ │ ◄──────────────CancelAsked, made again────────────┘ │
//	                                    │ a final report; or: cancelled, withdrawn, missed    │ a final report, or
//	                                    │ or nothing to do, and the asset never held it       │ the asset never held it
//	                                    ▼                                                     ▼
//	                                  Ended ──made again, if it was withdrawn or never held──► Open
//
// Beside these, an order that waits, or that was never made, ends when nothing of the job applies or the job is withdrawn. One
// that is made again while its asset's inventory is not known waits, unless it is open and the asset may hold it. When an agent's
// state is lost, what it had begun ends, and when an asset is removed, all that it may hold does. What that agent or asset
// then reports of the end replaces the result.
//
// # The rules it serves
//
// JOB-3, JOB-4 (a cancel and its answer), JOB-5 (withdrawal), JOB-9 (runs by each asset's clock), JOB-12 (missed runs), JOB-19
// (who may follow, and what a share counts), JOB-23 (early downloads), JOB-24 (a lost state), JOB-25 (what is stuck), JOB-27
// (which failures count), RBT-11 (pending reboots), MAN-1 (when orders are due), MAN-2, MAN-4, MAN-5 (revisions), MAN-6 (reports that
// make no sense, a lost state), MAN-9 (a state put back, two computers), MAN-10 (removed assets), MAN-11 (reports of a later release:
// what it says in a name that is not known here is kept as text; such a result ends the order as Failed, until a report that is known
// says more), CAT-6, CAT-9 (patches that leave orders), RPT-1, RPT-2 (failed installs). They stand in full in the docs of packages job,
// job/schedule, manifest, reboot, catalog and job/controller.
package ledger
