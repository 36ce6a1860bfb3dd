// Package reboot is the state machine of the one reboot that a job may need:
// prompt, deferral, countdown, and the proof that the asset has rebooted.
//
// [Step] takes a [Policy], a [State], an [Event] and the time. It returns the
// new state and an [Out]: the effects to carry out once the state is durable,
// and when the machine wants the next [Tick]. The zero State is a machine that
// has not begun. Step measures waits by the steady clock, which cannot be set
// and which keeps running while the asset sleeps or is off (MAN-8). Only hours
// and a deadline use UTC.
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
// A policy with hours adds Waiting: the hours do not allow the next prompt,
// countdown or reboot yet. With slots, Queued comes before a countdown, until
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
//     the need per patch (execution.InstallResult.Reboot). A job can also ask
//     for a reboot that was pending already (RBT-11). Package job/execution
//     decides if a reboot is due, and sends Due.
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
//     at its first event. If a patch that waits for the reboot has a deadline
//     in the order ([Policy].Deadline), deferral ends early enough to ask for
//     the reboot by then. A deadline never shortens the countdown: the whole
//     countdown runs, even if the deadline is past or comes first.
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
//     somebody is, even if nobody was before. Zero and values that this package
//     does not know are Unknown ([Sessions.Known]), which counts as Active.
//   - RBT-10. If a reboot was asked for and does not come, it is asked for
//     again after a pause. Before each new try the whole countdown is shown
//     again, if the policy has one, to whoever is logged in then. RBT-6 bounds
//     deferral only, so it never shortens a repeated countdown. Reboot hours
//     ([Hours]) are when prompts, countdowns and reboots may happen. Outside
//     them the machine is Waiting, until the next opening. What is on the
//     screen when the hours end is removed, and later starts again. The bound
//     of RBT-6 ends a wait for an opening, but never a closed period. A wait
//     for an opening starts the 168 h too. Waiting for a closed period to end
//     is no deferral: it does not start the 168 h, and afterwards the whole
//     countdown is shown. If the order limits how many assets are down at once
//     ([Policy].Slot, ROL-7), the machine is Queued before each countdown,
//     until its [Lease] outlasts the countdown. That wait is no deferral
//     either, so it may last longer than RBT-6 allows. A user may also choose a
//     time such as 22:00 ([Defer].At), up to the last instant that the prompt
//     shows. Then the countdown ends at that time, and no prompt comes before
//     it.
//   - RBT-11. A pending reboot is a fact about the asset, whoever caused it.
//     Check-ins report it with its age. It stays listed until the boot identity
//     has changed and the system's own flag is gone, even if the agent lost its
//     state. A job can reboot for it even if the job installs nothing
//     (job.Definition.RebootPending).
//   - RBT-12. A prompt says what the user needs to know: which job and
//     products, how many deferrals are left, and the last instant: when the
//     reboot is asked for if every deferral is used in full, never later than
//     RBT-6 allows, apart from a wait for a slot. ShowPrompt and ShowCountdown
//     give it on the steady clock; convert it to a time of day to show it. If
//     the asset is asleep at that instant, the machine asks for the reboot when
//     the asset wakes up. Package job/execution adds the job and the products.
package reboot
