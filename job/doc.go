// Package job is the heart of the engine: what an administrator wants patched (Definition), what one run of it does on
// one asset and why (Plan, Order), and the machine that carries an order out (Execution).
//
// An Execution is a value. Advance takes it, an Event and the time, and returns the next value with Reports and Effects:
// make the value durable together with the reports, then carry out the effects in their order, then bring each result
// back as an event under the effect's id. Nothing in this package reads a clock or touches the world, so the machine
// that patches a real host is the one a test drives through an hour in a microsecond.
//
// # Rules
//
//   - JOB-1. An execution has three stages: download; deploy what was downloaded; an optional reboot, decided by what
//     deployed successfully.
//   - JOB-2. A patch whose download or integrity check fails is left out and the others go on. If failures leave
//     nothing to deploy, there is no deploy and no reboot, and the execution is Failed; if nothing applied in the first
//     place it is NotApplicable.
//   - JOB-3. A job can be cancelled before its scheduled time and until the deploy stage starts, not afterwards: then
//     the answer is a refusal naming the stage. The truth is told for each asset: Cancelled, or TooLate with the stage,
//     and CancelPending as long as the asset has not said.
//   - JOB-4. The deploy stage begins with the first act that changes the asset, the first pre-action or the first
//     install. A cancelled execution has left nothing behind but deleted downloads.
//   - JOB-5. Disabling or deleting a job is a withdrawal, which is not a cancel: it takes an order out of an agent's
//     queue if the new manifest arrives before the execution started. A started execution goes on and takes its time.
//   - JOB-6. A job is Disabled (as it is saved), Enabled, or Deleted. Enabling needs at least one patch, query or
//     action, at least one asset or tag, and a valid schedule. Deleted is final, and its history stays.
//   - JOB-7. Its assets are ((in included tags − in excluded tags) ∪ explicitly included) − explicitly excluded, the
//     included tags matching Any or All. A job has one platform.
//   - JOB-8. Its patches come from a list or from a query, never both. A query is resolved when the orders are made and
//     frozen for that run: missing patches that nothing supersedes, newest published first, 2,000 at most; how many the
//     cap dropped is counted and shown.
//   - JOB-10. The patch window is none, or 1 minute to 168 h. At its end no new download or install starts; the running
//     install is never killed; patches not begun fail as PatchInstallationSkipped. The reboot is not bound by it.
//   - JOB-11. One execution at a time on an asset. Others wait as Blocked, naming the job, and start if their window
//     still allows; else they are TimedOut.
//   - JOB-12. An asset that is offline at the start runs the job when its agent is back, with a window only inside it.
//     Of several missed runs of a job only the newest runs.
//   - JOB-13. The exit codes of actions: 0 ok; 1 failed, go on; 10 ok and a reboot is needed; 11 failed and a reboot is
//     needed; 12 abort the rest; 101 skipped. Any other counts as 1. All pre-actions, then the patches, then all
//     post-actions, then at most one reboot.
//   - JOB-14. If one patch needs another and a reboot between them, one job cannot hold both, because a job reboots once,
//     at its end. Such a job is refused when it is enabled, naming every such pair, and Split offers the chain of jobs,
//     each running after its predecessor's reboot is verified. A query leaves the dependent patch to a later run. A
//     requirement without a reboot only orders the installs. Cycles are refused by name when the catalog is synced.
//   - JOB-15. An execution proceeds whether the screen is locked, unlocked, or nobody is logged in.
//   - JOB-16. Results: see Result; steps on the way: see Progress; failure codes with the vendor's numbers: see Code.
//   - JOB-17. A restart in the middle resumes: nothing verified is downloaded again; a patch whose install was cut off
//     is looked for in the inventory and, if it is not at its version, installed once more; cut off twice, it fails as
//     DeployerProcessCrashed. An action that was cut off counts as failed and is not run again.
//   - JOB-18. After the reboot the inventory is taken again: a patch at its version succeeded, another one failed with
//     code 15. If no reboot is needed the check follows at once.
//   - JOB-19. A job may run after another, when a share of the other's assets succeeded or on each asset once it
//     verified the predecessor: see After.
//   - JOB-20. A time, zone, window or policy that cannot be understood is refused. It never means "now" or "no limit".
//   - JOB-21. What an execution did is durable before anything that could cut its report off, the reboot above all, and
//     is reported until it is acknowledged. A reboot never turns a success into a failure or an unknown.
//   - JOB-22. A preview tells for a job and any asset what would happen now and why, changing nothing: Definition.Plan,
//     which also makes the real orders.
//   - JOB-23. A job may allow its downloads before the start, spread over the lead, as part of the download stage: a
//     cancel or withdrawal deletes what was fetched, and integrity is judged the same way.
package job
