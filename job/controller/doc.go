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
// # What each use case guarantees
//
//   - Sync replaces the catalog at once or not at all (CAT-1). Open orders then
//     lose the patches that are deprecated or gone (CAT-9), or that are no
//     longer the newest at their only URL (CAT-6).
//   - SaveJob, EnableJob, DisableJob and DeleteJob change a job and what
//     follows from it: a planned run, the orders that have not begun, and the
//     manifest revision of each asset concerned (MAN-2). Runs that have ended
//     stay as they are. RunJob starts a run of an enabled job at once.
//   - Enrol and TagAsset make an asset's orders in the runs that take late
//     joiners (JOB-26). Enrol uses a token once per asset and answers a
//     repeated enrolment the same, because the first answer may be lost.
//   - CancelRun and CancelJob return what is known of each asset: Cancelled,
//     CancelPending, TooLate with the stage, or Ended. If nothing can be
//     cancelled, they return a [*CancelRefused] and change nothing (JOB-3).
//   - Tick makes the orders of each run once, however often it is called, by
//     however many servers, and wherever it is cut off. An asset without an
//     inventory gets its order in the check-in that brings one.
//   - Preview returns what Tick would order, by the same code, and writes
//     nothing (JOB-22).
//   - CheckIn accepts each report exactly once (MAN-6), applies it to its
//     order, and hands out the asset's manifest if the asset holds an older one
//     or its own expires soon. The manifest of a revision is always the same
//     bytes. A call with nothing new only reads.
//   - An asset's reports can only change its own orders. Impossible reports are
//     accepted into the sequence, because the agent would repeat them forever,
//     and are kept as anomalies: the newest 32 per asset.
//   - Two computers that call as one asset are listed by Cloned. They get nothing
//     to start until one alone has called for 24 hours, or SettleClone says so
//     (MAN-9). RemoveAsset ends an asset's orders, and its removal reaches the
//     agent (MAN-10).
//   - Probed records which URLs of patches near their end of life are
//     unreachable. New orders leave those patches out (CAT-10). SetCustomURLs
//     sets where the customer supplies the files of Vendor artifacts (CAT-5).
//   - With a signer policy ([Config].Policy), orders carry its digest and their
//     clauses. Patches without a clause are left out (INT-4). An order whose
//     actions the asset's agent does not run fails, with the reason (INT-10,
//     MAN-11).
//   - A job can give a patch up on an asset after some failures. GivenUp lists
//     these patches, and RetryPatch tries one again (JOB-27).
//   - Each administrative act records one [Event] in its own transaction. Name
//     the user with [As]; Config.OnEvent receives the event after the commit,
//     and Events lists them.
//   - Prune removes what ended long ago and no rule needs.
//   - Each query reads one consistent state. The next page of a list begins
//     after the last entry of the page before.
//   - CheckIndexes compares each index and counter with the records that it comes from.
//
// # Orders and runs
//
// ledger.Step decides what happens to an order, and ledger.StepRun what happens
// to a run. One transaction loads an entry, steps it, and writes it with the
// difference of its index. Effects on other orders wait in a queue inside the
// transaction, because a follower's order may end at once and start the next
// (JOB-19).
//
// A change to many assets is one short transaction that marks the run, and then
// a pass: transactions of Config.Batch assets each. Each moves the pass's cursor
// together with its work, so repeating it is safe. Tick continues a pass that
// was cut off. A cancel or a withdrawal holds from the first transaction on: an
// asset that calls before its turn is handled first.
//
// A recurring job (JOB-9) has one planned run at any time. When that run is
// due, the next one is planned. Of the runs that became due during an outage of
// the server, only the newest is made (JOB-12). A cancelled run stays
// cancelled. After an edit, the orders that have not begun are made again; a
// run whose start is past gets no further orders.
//
// If a job runs in each asset's own zone, its run is due as soon as it is due in
// the zone that is furthest ahead. Its orders are made over the next 26 hours,
// as the turn of each zone comes. Each pass makes the orders of the assets whose
// start is at most the lead away (MAN-1), and finds out when the next pass is
// due. The run is missed as a whole if a newer one has started everywhere,
// otherwise asset by asset. A call that reports another zone makes the asset's
// orders again.
//
// An order that has not begun is planned again when the asset's inventory or
// pending reboot changes (JOB-14); the patches found by a query stay the same.
// An order whose patches all wait for a requirement waits with them, until its
// start at most.
//
// A job that runs after another (JOB-19) gets its orders asset by asset, in the
// check-in that reports the success, or as a run of its own when enough assets
// succeeded. Success is Completed, or NotApplicable: there was nothing to do.
// JobStatus.Waits says why a follower has not started.
//
// # What is stored
//
// Values are JSON. Keys sort by their parts, in order. Orders are frozen
// when they are made (JOB-8). Orders share the texts of their patches, which are
// stored once each by SHA-256. The catalog is one compressed text in pieces of
// 1 MiB, and each server keeps the newest one in memory. Nothing but Prune
// deletes history.
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
//   - RPT-3. Always answerable: what is missing where (Missing); what failed
//     and why (Failures, RunAssets); who needs a reboot, and since when
//     (PendingReboots); which cancels are pending (PendingCancels); which
//     agents have not called (Silent); which feeds are stale (Feeds); what is
//     stuck (Stuck); which identities are cloned (Cloned). Not built: what is
//     overdue, and why.
package controller
