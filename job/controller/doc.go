// Package controller is the server's side of patching. It keeps the catalog,
// turns jobs into orders, answers agents, and reports the results. It is a set
// of use cases over a [Store]. Each use case loads values, decides with the
// packages catalog, job, ledger and manifest, and writes what changed. It has
// no clock, no network and no goroutine. Every use case takes the time as an
// argument, and the caller runs Sync, Tick and Prune when they are due.
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
//   - Rollouts: Rollout shows the rollout of a run. StopRollout, ResumeRollout,
//     ExpediteRollout and AbandonRollout are the named acts (ROL-4, ROL-6).
//     Tick steps the rollouts; an asset's order is made when the asset gets its
//     grant.
//   - Assets: AddToken, TagAsset, SettleClone, RemoveAsset.
//   - Agents: Enrol, Secrets, CheckIn, Leave. An asset's reports can only change
//     its own orders.
//   - Periodic work: Tick and Prune. With several servers also Lead, StepDown
//     and Changes. When a server starts, it calls CheckTrust first.
//     CheckIndexes looks for damage.
//   - Queries: each reads one consistent state, except PreviewFleet and
//     MissingFleet, which read one asset at a time. The next page of a list
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
// changes to its index. A transaction puts the effects on other orders into a
// queue: the order of a follower may end at once, and then starts the next
// follower (JOB-19).
//
// A change to many assets is one short transaction that marks the run, and then
// a pass: transactions of Config.Batch assets each. Each of them also moves the
// pass's cursor, so a pass can be repeated safely. Tick continues a pass that
// was cut off. A cancel or a withdrawal takes effect with the first
// transaction: an asset that calls before the pass has reached it is handled in
// that call.
//
// A recurring job (JOB-9) has one planned run at any time. When that run is
// due, the next one is planned. Of the runs that became due during an outage of
// the server, only the newest is made (JOB-12). A cancelled run stays
// cancelled. After an edit, the orders that have not begun are made again. An
// asset on which the run of a recurring job has started gets no new order in
// it, unless it is a late joiner (JOB-26).
//
// If a job runs in each asset's own zone, its run is due when it is due in the
// easternmost zone. Its orders are made over the next 26 hours, zone by zone.
// Each pass makes the orders of the assets that start within the lead
// (Config.Lead, MAN-1), and computes when the next pass is due. If a newer run
// has started in every zone, the whole run is missed. Otherwise this is decided
// for each asset. If a call reports a different zone, the asset's orders are
// made again.
//
// If all patches of an order wait for a requirement (JOB-14), the order waits
// too, until its start at most. A job can run after another in two ways
// (JOB-19): asset by asset, where the check-in that reports the success makes
// the order; or as a run of its own when enough assets succeeded.
//
// # Several servers
//
// Any number of controllers may share a store, in one process or many. Each use
// case is one transaction, or several that are safe to repeat. What a
// controller remembers between calls never changes (such as secrets by key),
// except the catalog, which it compares with the store in each transaction.
// Only one server at a time syncs and makes orders. The servers choose it with
// Lead, and it runs Sync, Tick and Prune under Fenced. All servers run the acts
// of administrators under Deferred, and ask for Changes.
//
// # What is stored
//
// Values are JSON. Keys sort by their parts, in order. The patches that a query
// selects are frozen when the orders are made (JOB-8). The text of each patch
// is stored once, under its SHA-256, and orders share it. What the orders of a
// run have in common is stored once per run. Assets with the same inventory
// share one copy of it, and a Tick decides once for all of them if the plan is
// the same. The catalog is one compressed text in pieces of 1 MiB, and each
// server keeps the newest one in memory. Lists and counts are computed from
// other records, and change in the same transaction as those. CheckIndexes
// compares them. Nothing but Prune deletes history.
//
// # Rules
//
//   - RPT-1. Failed Patch Installs is one number over the whole account: every
//     patch install that failed. Date ranges do not apply to it, and it opens
//     nothing. FailedInstalls returns it. A patch counts once per order, by the
//     asset's last report on it. A patch that a cancel kept from being tried
//     (code 8) does not count. An install that Prune removed still counts.
//   - RPT-2. Beside the number, the failed installs are a list, newest first,
//     filtered by date, asset, patch and code. Failures returns it. Without a
//     filter it has as many entries as that number, minus those that were
//     pruned.
//   - RPT-3. The server can always say: what is missing where (Missing); what
//     failed and why (Failures, RunAssets); who needs a reboot, and since when
//     (PendingReboots); which cancels are pending (PendingCancels); which
//     agents have not called (Silent); which feeds are stale (Feeds); what is
//     stuck (Stuck); which identities are cloned (Cloned); what is overdue, and
//     why (Due, DueFleet, by the rules DUE-1 to 6 of package job/deadline); why
//     a patch is not installed yet (Why).
package controller
