// Package execution carries out one order on one asset, as a machine.
//
// [Step] takes a [Config], a [State], an [Event] and the time. It returns the
// next state and an [Out]: reports, effects, and when the machine wants the
// next [Tick]. The zero State is an execution that has not begun; its first
// event is [Begin]. A driver first makes the state durable together with the
// reports. Then it carries the effects out, in their order, and brings each
// result back as an event with the effect's id. The example shows that loop.
//
// The package reads no clock and touches no system. So the machine that patches
// a real host also runs in tests, where an hour takes a microsecond.
//
// # Rules
//
//   - JOB-1. An execution has three stages: download; deploy what was
//     downloaded; an optional reboot, decided from what deployed successfully.
//   - JOB-2. A patch whose download or integrity check fails is left out, and
//     the rest goes on. If failures leave nothing to deploy, there is no deploy
//     and no reboot, and the execution is Failed. If nothing applied in the
//     first place, it is NotApplicable. Before it fails, sources that could not
//     be reached are tried again (JOB-27, in package job). An execution whose
//     order also reboots for a pending reboot still does so. It is then Failed
//     if its patches failed, or Completed if none applied (RBT-2, RBT-11).
//   - JOB-3. A job can be cancelled before its scheduled time, and until the
//     deploy stage starts. After that the answer is a refusal that names the
//     stage. Each asset reports what happened there: Cancelled, or TooLate with
//     the stage. Until it reports, the cancel is CancelPending.
//   - JOB-4. The deploy stage begins with the first act that changes the asset:
//     the first pre-action, or the first install. So a cancelled execution has
//     changed nothing on the asset; its downloads are deleted.
//   - JOB-10. The patch window is none, or 1 minute to 168 h. At its end no new
//     download or install starts. A running download is stopped, because no
//     install can follow it. Files that were downloaded but not installed are
//     deleted. A running install goes on; only an install limit ends it
//     (JOB-25). Patches whose install has not begun fail as
//     PatchInstallationSkipped. The window does not bound the reboot.
//   - JOB-13. The exit codes of actions are: 0 ok; 1 failed, go on; 10 ok and a
//     reboot is needed; 11 failed and a reboot is needed; 12 abort the rest;
//     101 skipped. Any other counts as 1. All pre-actions run, then the
//     patches, then all post-actions, then at most one reboot. Each result
//     names every action that ran, with its exit code and the end of its
//     output.
//   - JOB-15. An execution proceeds whether the screen is locked, unlocked, or
//     nobody is logged in.
//   - JOB-17. After a restart in the middle the execution goes on, and reports
//     Resumed. Nothing verified is downloaded again. A patch whose install was
//     cut off is checked against the inventory. If it is not at its version, it
//     is installed once more. If that install is cut off too, the patch fails
//     as DeployerProcessCrashed (code 10). An action that was cut off counts as
//     failed and is not run again.
//   - JOB-18. After the reboot the inventory is taken again: a patch at its
//     version succeeded, any other failed (code 15). If no reboot is needed,
//     the check follows at once. If the inventory cannot be taken for 24 h,
//     counted from the first failed try, the execution ends. Installed patches
//     then fail with code 5, "installed, could not be verified", and cut-off
//     ones with code 10. Neither counts as a failed run (JOB-27). No reboot is
//     asked for; one that is needed stays listed (RBT-11). Once its last
//     install and action are over, an unverified execution holds up no other
//     job. If it later turns out to need a reboot, that waits until the other
//     job is done.
//   - JOB-21. What an execution did is durable before anything that could lose
//     its report, above all the reboot. The report is sent until it is
//     acknowledged. A reboot by itself never turns a success into a failure or
//     an unknown result; "could not be verified" comes only after the 24 hours
//     of JOB-18.
//   - INT-10. An action that may not run is not run. An order with such an
//     action does not begin; package job/agent sees to that. The agent's
//     settings can also change while the order runs. Before the deploy stage,
//     the order then ends as Failed. Later, the rest is aborted and the action
//     counts as failed.
//   - RBT-11. A job can reboot for a pending reboot although it installs
//     nothing, if the job says so (job.Order.RebootPending). A reboot is
//     pending if the system says so, or if another execution on the asset waits
//     for a reboot by hand. It counts if it was pending when the execution
//     began and still is when the execution's other work is done. Any reboot in
//     between, whatever caused it, is the pending one. If none is pending and
//     there is nothing else to do, the execution is NotApplicable. After the
//     reboot there may be nothing to verify: then it is Completed, or Failed if
//     all its patches failed. The execution that waited for the reboot ends as
//     it does after any reboot (RBT-8).
package execution
