// Package execution carries out one order on one asset, as a machine.
//
// [Step] takes a [Config], a [State], an [Event] and the time, and returns the next state with an [Out]: reports, effects,
// and how long it waits at most for the next [Tick]. The zero State is an execution that has not begun; the first event is
// [Begin]. First make the state durable together with the reports, then carry out the effects in their order, then bring
// each result back as an event under the effect's id. Nothing in this package reads a clock or touches the world, so the
// machine that patches a real host is the one a test takes through an hour in a microsecond.
//
// # Rules
//
//   - JOB-1. An execution has three stages: download; deploy what was downloaded; an optional reboot, decided by what
//     deployed successfully.
//   - JOB-2. A patch whose download or integrity check fails is left out and the others go on. If failures leave
//     nothing to deploy, there is no deploy and no reboot, and the execution is Failed; if nothing applied in the first
//     place it is NotApplicable. Before that, sources that could not be reached are tried again (JOB-27, in package job).
//     An execution that reboots for a pending reboot reboots all the same: if its patches failed it is Failed, and if none
//     applied it is Completed (RBT-2, RBT-11).
//   - JOB-3. A job can be cancelled before its scheduled time and until the deploy stage starts, not afterwards: then
//     the answer is a refusal naming the stage. Each asset reports what happened there: Cancelled, or TooLate with the
//     stage; until it does, the cancel is CancelPending.
//   - JOB-4. The deploy stage begins with the first act that changes the asset, the first pre-action or the first
//     install. A cancelled execution has left nothing but deleted downloads.
//   - JOB-10. The patch window is none, or 1 minute to 168 h. At its end no new download or install starts, and a
//     running download is stopped, because it can no longer lead to an install: what was fetched and not installed is
//     deleted. A running install goes on; only an install limit ends it (JOB-25). Patches whose install has not begun
//     fail as PatchInstallationSkipped. The reboot is not bound by it.
//   - JOB-13. The exit codes of actions: 0 ok; 1 failed, go on; 10 ok and a reboot is needed; 11 failed and a reboot is
//     needed; 12 abort the rest; 101 skipped. Any other counts as 1. All pre-actions, then the patches, then all
//     post-actions, then at most one reboot. Every result says of each action that was run its name, its exit code and the
//     end of its output.
//   - JOB-15. An execution proceeds whether the screen is locked, unlocked, or nobody is logged in.
//   - JOB-17. A restart in the middle resumes: nothing verified is downloaded again; a patch whose install was cut off
//     is looked for in the inventory and, if it is not at its version, installed once more; cut off twice, it fails as
//     DeployerProcessCrashed. An action that was cut off counts as failed and is not run again.
//   - JOB-18. After the reboot the inventory is taken again: a patch at its version succeeded, another one failed with
//     code 15. If no reboot is needed the check follows at once. If the inventory cannot be taken for 24 h, counted from
//     the first failed try, the execution ends: installed patches fail with code 5, "installed, could not be verified",
//     cut-off ones with code 10, and no reboot is asked for; one that is needed stays listed (RBT-11). Once its last
//     install and action are over, an unverified execution holds up no other job; if it turns out to need a reboot, it
//     waits with that until the other one is done.
//   - JOB-21. What an execution did is durable before anything that could cut its report off, the reboot above all, and
//     is reported until it is acknowledged. A reboot by itself never turns a success into a failure or an unknown; only JOB-18's
//     24 hours end in "could not be verified".
//   - INT-10. An action that may not run is not run. An order with one does not begin, which
//     package job/agent sees to. If the agent was given other settings since, the order ends before
//     stage 2 as Failed; after that the rest is aborted, and what may not run counts as failed.
//   - RBT-2. A reboot is due only if something that deployed successfully needs it: a patch's own declaration, the installer's
//     exit code, an action's exit code, or the system's own mark that a reboot is required and that was not there before
//     anything changed; or, if the job says so, a reboot that was pending already (RBT-11).
//   - RBT-9. If the agent cannot tell who is logged in, it assumes that somebody is: whatever an event says that is not known
//     counts as somebody, also when nobody was there before.
//   - RBT-11. A job may reboot for a pending reboot though it installs nothing, if it says so (job.Order.RebootPending). One is
//     pending if the system says so or another execution on the asset waits for a reboot by hand. It counts if it was pending
//     when the execution began, and still is at its end: a reboot meanwhile, whoever caused it, was that reboot. If none is
//     pending and there is nothing else to do, the execution is NotApplicable. After the reboot there may be nothing to
//     verify: it is Completed, or Failed if all its patches failed. The execution that waited ends as it would after any
//     reboot (RBT-8).
//   - RBT-12. A prompt tells what the user needs: which job and products, how many deferrals are left, and the last instant:
//     see Prompt. Of the products, the actions that ask for the reboot, and a reboot that was pending already, it names the
//     first ten and counts the others.
package execution
