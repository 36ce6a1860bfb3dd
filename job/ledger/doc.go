// Package ledger is the server's side of one order on one asset, as a machine.
//
// [Entry] is everything that the server knows about an order. [Step] decides
// what a report, a cancel, a withdrawal, a removal or a missed run does to it.
// It returns the new entry with the effects to carry out in the same
// transaction. [Entry.Index] returns the rows by which the order is found.
// [Revisions] numbers an asset's manifests. [Outcomes] says how an order's
// patches ended; its index lists the failed installs. [Run] and [StepRun] do
// the same for one occurrence of a job: it is planned, made for all assets at
// once or zone by zone, trimmed, cancelled, withdrawn or missed.
//
// A server loads values, steps them, and stores them with the difference of
// their indexes, see [Changes]. Package job/controller does that over a store,
// packages agentsim/fleet and agentsim/explore over arrays. So all of them make
// the same decisions.
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
// An order that waits or was never made also ends when nothing of the job
// applies. One that waits also ends when it is cancelled or withdrawn. If an
// order must be made again while its asset's inventory is not known, it is
// Waiting. If the asset may hold it, it is first Gone, and becomes Waiting once
// the asset has reported that it withdrew the order or never held it. When an
// agent's state is lost, the orders that it had begun end. When an asset is
// removed, all its orders end. If that agent or asset later reports the end of
// an order that it held, the report replaces the result.
//
// # Rules
//
// JOB-3 to JOB-5, JOB-9, JOB-12, JOB-19, JOB-23 to JOB-25, JOB-27, RBT-11,
// MAN-1, MAN-2, MAN-4 to MAN-6, MAN-9 to MAN-11, CAT-6, CAT-9, RPT-1 and RPT-2.
// Their text is in the docs of packages job, job/schedule, job/execution,
// manifest, reboot, catalog and job/controller.
//
// Names that only a later release knows are kept as text. An unknown result
// ends the order as Failed, until a report with a known result replaces it.
package ledger
