// Package reboot is the state machine of the one reboot that a job may need:
// prompt, deferral, countdown, and the proof that the asset has rebooted.
//
// [Step] takes a [Policy], a [State], an [Event] and the time. It returns the
// new state and an [Out]: the effects to carry out once the state is durable,
// and when the machine wants the next [Tick]. The zero State is a machine that
// has not begun. Step measures waits by the steady clock, which cannot be set and
// which keeps running while the asset sleeps or is off (MAN-8). Hours and a
// deadline are compared with UTC.
//
// # The phases
//
//	Idle ──Due──► Prompting ──later, no answer──► Deferred ──interval over──► Prompting, while deferrals are left
//	  │               │ now                           │ now, last user gone, no deferral left
//	  │               └──────────────┬────────────────┘
//	  │ nobody there, no deferrals   ▼
//	  ├──────────────────────────► Counting ──countdown over──► Asked
//	  │                              ▲                            │ no reboot came for 1, 2, 4 … minutes, at most 1 h
//	  │                              └────────────────────────────┘
//	  └──suppressed──► Parked
//
// With hours, Waiting comes before a prompt, a countdown or the request, while
// the hours do not allow it. With slots, Queued comes before a countdown, until
// the asset has a slot.
//
// A new boot identity leads from any phase after Idle to Rebooted.
//
// # The rules
//
//   - RBT-1. There is at most one reboot per job, after all its installs and
//     actions, never between patches. The caller sends [Due] once; a machine
//     that is past Idle ignores another. A reboot that was requested but did
//     not happen is requested again. That still counts as the same reboot
//     (RBT-10).
//   - RBT-2. A reboot is due only if something that deployed successfully needs
//     it: a patch's own declaration, the installer's exit code, an action's
//     exit code, or the system's own reboot-required flag, if the job caused
//     it. The job caused it if the flag was not set before the job changed
//     anything, or if the flag names packages of this job. The platform reports
//     this for each patch (execution.InstallResult.Reboot). A job can also ask
//     for a reboot that was pending already (RBT-11). Package job/execution
//     decides this, and sends Due if a reboot is due.
//   - RBT-3. If somebody is logged in, the reboot is offered, and the user can
//     defer it: Deferrals times, Interval each. The countdown runs when the
//     deferrals are used up and the last interval is over, or when the user
//     accepts. At its end the reboot is asked for. A policy without deferrals
//     starts with the countdown.
//   - RBT-4. If nobody is logged in, deferral is skipped and the countdown
//     starts at once. It also starts at once when the last user logs out during
//     a prompt or a deferral. Somebody who logs in during the countdown sees it
//     and cannot stop it.
//   - RBT-5. A user with a locked screen counts as logged in. A prompt that
//     nobody answers within Prompt uses one deferral, which begins when the
//     prompt's time is over. So the reboot comes even if nobody is at the
//     keyboard.
//   - RBT-6. Deferral ends at most 168 h ([MaxDeferral]) after the first offer,
//     whatever the policy says. [Policy.Validate] refuses a policy that could
//     exceed that: Deferrals × (Prompt + Interval) + Countdown must fit. The
//     machine keeps to the bound even if the policy was never validated: it
//     shortens deferrals and the countdown, so that it asks for the reboot at
//     most 168 h after the first offer. Time during which the asset sleeps or
//     is off counts; a machine that wakes after the bound asks for the reboot
//     at its first event. Deferral also ends early enough that the reboot is
//     asked for by the deadline of a patch that waits for it
//     ([Policy].Deadline), as the order has it. No deadline shortens the
//     countdown: if it is past, or nearer than the countdown is long, the whole
//     countdown still runs.
//   - RBT-7. With Suppress the asset is never rebooted and nobody is prompted,
//     whether the screen is locked or not. The machine waits in Parked, without
//     effects, and the execution stays PendingReboot until somebody reboots by
//     hand. Whether later jobs wait for that reboot is a setting of the agent,
//     by default yes on Windows and no on Linux. A job that reboots for a
//     pending reboot never waits for it (RBT-11). If the policy changes to
//     Suppress later, the machine removes the prompt or countdown and moves to
//     Parked.
//   - RBT-8. Any reboot after Due counts, whoever caused it and in whatever
//     phase: a boot identity other than that of Due leads to Rebooted. An empty
//     identity proves nothing. If the identity in Due was empty, the first
//     known one takes its place.
//   - RBT-9. If the agent cannot find out who is logged in, it assumes that
//     somebody is: Unknown, zero and values that this package does not know
//     count as Active ([Sessions.Known]), even if nobody was logged in before.
//   - RBT-10. If a reboot was asked for and does not come, it is asked for
//     again after a pause. Before each new try the whole countdown is shown
//     again, if the policy has one, to whoever is logged in then. RBT-6 bounds
//     deferral only, so it never shortens a repeated countdown. Reboot hours
//     ([Hours]) are when prompts, countdowns and reboots may happen. Outside
//     them the machine is Waiting, until the next opening. What is on the
//     screen when they end is removed, and shown again from its beginning. The
//     bound of RBT-6 outranks openings, never a closed period. It begins to run
//     when the machine waits for an opening. Waiting for a closed period to end
//     is no deferral: the bound does not begin to run, and afterwards the whole
//     countdown is shown. If the order limits how many assets are down at once
//     ([Policy].Slot, ROL-7), the machine is Queued before each countdown, until
//     a [Lease] is long enough for it. That wait is no deferral either, so it
//     may last longer than RBT-6 allows. A user may also answer "at 22:00
//     tonight" ([Defer].At), up to the last instant that the prompt shows; then
//     the countdown ends at that time, and no prompt comes before it.
//   - RBT-11. A pending reboot is a fact about the asset, whoever caused it.
//     Check-ins report it with its age. It stays listed until the boot identity
//     has changed and the system's own flag is gone, even if the agent lost its
//     state. A job can reboot for it even if the job installs nothing
//     (job.Definition.RebootPending).
//   - RBT-12. A prompt says what the user needs to know: which job and
//     products, how many deferrals are left, and the last instant. That is when
//     the reboot is asked for if every deferral is used to its end, never later
//     than RBT-6 allows. ShowPrompt and ShowCountdown carry it on the steady
//     clock; whoever shows it converts it to a time of day. The wait for a slot
//     comes on top. If the asset is asleep at that instant, the machine asks
//     for the reboot when the asset wakes up. Package job/execution adds the
//     job and the products.
package reboot
