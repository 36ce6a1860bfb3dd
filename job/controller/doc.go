// Package controller is the server's side of patching. It keeps the catalog,
// turns jobs into orders, answers agents, and reports the results. It is a set
// of use cases over a [Store]: each loads values, decides with the packages
// catalog, job, ledger and manifest, and writes what changed. It has no clock,
// no network and no goroutine. Every use case takes the time as an argument,
// and the caller runs Sync, Tick and Prune when they are due.
//
//	c, err := controller.New(store, controller.Config{Signer: signer})
//	c.Sync(ctx, batches, now)              // every 30 minutes, with what the feeds brought
//	next, err := c.Tick(ctx, now)          // again at next, and after each change of a job
//	c.Prune(ctx, before, now)              // once a day
//	answer, err := c.CheckIn(ctx, in, now) // for each agent's call; manifest/agenthttp serves them
//
// # The use cases
//
//   - The catalog: Sync, Snapshot, Feeds. SetCustomURLs stores where the
//     customer supplies files (CAT-5). Probed stores which URLs are unreachable
//     (CAT-10).
//   - Jobs: SaveJob, EnableJob, RunJob, CancelRun, CancelJob, DisableJob,
//     DeleteJob, RetryPatch. Preview, PreviewFleet, Outlook and CheckJob say what
//     a job would do, and change nothing (JOB-22, DUE-7).
//   - Rollouts: Rollout shows the one of a run. StopRollout, ResumeRollout,
//     ExpediteRollout and AbandonRollout are the named acts (ROL-4, ROL-6). Tick
//     lets rollouts go on; each asset's order is made when its turn comes.
//   - Assets: AddToken, TagAsset, SettleClone, RemoveAsset.
//   - Agents: Enrol, Secrets, CheckIn, Leave. An asset's reports can only change
//     its own orders.
//   - Periodic work: Tick and Prune; Lead, StepDown and Changes among several
//     servers. When a server starts, it calls CheckTrust
//     first. CheckIndexes looks for damage.
//   - Queries: each reads one consistent state, except PreviewFleet and
//     MissingFleet, which read each asset by itself. The next page of a list
//     begins after the last entry of the previous page.
//
// Each administrative act records one [Event] in its own transaction. Name the
// user with [As]; Config.OnEvent receives the event after the commit, and Events
// lists them.
//
// # Orders and runs
//
// ledger.Step decides what happens to an order, and ledger.StepRun what happens
// to a run. One transaction loads an entry, steps it, and writes it with the
// changes to its index. A transaction queues the effects on other orders,
// because the order of a follower may end at once and start the next follower
// (JOB-19).
//
// A change to many assets is one short transaction that marks the run, and then
// a pass: transactions of Config.Batch assets each. Each moves the pass's
// cursor together with its work, so repeating it is safe. Tick continues a pass
// that was cut off. A cancel or a withdrawal takes effect with the first
// transaction: if an asset calls before the pass has reached it, it is handled
// in that call.
//
// A recurring job (JOB-9) has one planned run at any time. When that run is
// due, the next one is planned. Of the runs that became due during an outage of
// the server, only the newest is made (JOB-12). A cancelled run stays
// cancelled. After an edit, the orders that have not begun are made again; a
// run of a recurring job whose start is past gets no further orders, except for
// late joiners (JOB-26).
//
// If a job runs in each asset's own zone, its run is due as soon as it is due
// in the zone that is furthest ahead. Its orders are made over the next 26
// hours, as the turn of each zone comes. Each pass makes the orders of the
// assets that start within the lead (Config.Lead, MAN-1), and computes when the
// next pass is due. The run is missed as a whole if a newer one has started
// everywhere, otherwise asset by asset. If a call reports a different zone, the
// asset's orders are made again.
//
// An order whose patches all wait for a requirement (JOB-14) waits with them,
// until its start at most. A job that runs after another (JOB-19) gets its
// orders asset by asset, in the check-in that reports the success, or as a run of
// its own when enough assets succeeded.
//
// # Several servers
//
// Any number of controllers may share a store, in one process or many; each use
// case is a transaction or several that are safe to repeat. What a controller
// remembers between calls is either compared with the store in each transaction
// (the catalog) or never changes (secrets by key). So that one at a time syncs
// and makes orders, servers choose one by Lead, which runs Sync, Tick and Prune
// under Fenced; all run administrators' acts under Deferred and ask for Changes.
//
// # What is stored
//
// Values are JSON. Keys sort by their parts, in order. The patches that a query
// selects are frozen when the orders are made (JOB-8). The text of each patch
// is stored once, under its SHA-256, and orders share it. What the orders of a
// run have in common is stored once per run, and each inventory once, however
// many assets have the same: a Tick decides once for all assets of one image.
// The catalog is one compressed text in pieces of 1 MiB, and each server keeps
// the newest one in memory. Lists and counts are functions of what they are
// about, and change with it in one transaction; CheckIndexes compares them.
// Nothing but Prune deletes history.
//
// # Rules
//
//   - RPT-1. Failed Patch Installs is one number over the whole account: every
//     patch install that failed. Date ranges do not apply to it, and it is not
//     a link. FailedInstalls returns it. A patch counts once per order,
//     by the asset's last report on it. A patch that a cancel kept from being
//     tried (code 8) does not count. What Prune removes still counts.
//   - RPT-2. Beside the number, the failed installs are a list, newest first,
//     filtered by date, asset, patch and code. Failures returns it. Without a
//     filter it has as many entries as the number says, less what was pruned.
//   - RPT-3. The server can always say: what is missing where (Missing); what
//     failed and why (Failures, RunAssets); who needs a reboot, and since when
//     (PendingReboots); which cancels are pending (PendingCancels); which
//     agents have not called (Silent); which feeds are stale (Feeds); what is
//     stuck (Stuck); which identities are cloned (Cloned); what is overdue, and
//     why (Due, DueFleet, by the rules DUE-1 to 6 of package job/deadline); why
//     a patch is not installed yet (Why).
package controller
