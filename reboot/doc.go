// Package reboot is the machine that takes an asset to the one reboot a job may need: prompt, deferral, countdown, and
// the proof that the reboot happened.
//
// It is pure: [Step] takes a [Policy], a [State], an [Event] and the time, and returns the new state and an [Out]: the
// effects to carry out once that state is durable, and how long it waits at most for the next [Tick]. The zero State is a
// machine at the beginning. Of the time only the steady clock counts, which nobody sets and which runs on while the asset
// sleeps or is off (MAN-8); it must be set.
//
// # The way through the phases
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
// From any phase after Idle a new boot identity leads to Rebooted.
//
// # The rules
//
//   - RBT-1. There is at most one reboot, after the whole job, never between patches. The caller sends Due once, when all
//     installs and actions are over; a machine that is past Idle ignores another Due. It ends at Rebooted; a reboot
//     that was asked for and did not come is asked for again, which is still that one (RBT-10).
//   - RBT-2. A reboot is due only if something that deployed successfully needs it: a patch's own declaration, the
//     installer's exit code, an action's exit code, or the system's own mark that a reboot is required and that was not
//     there before the job; or, if the job says so, a reboot that was pending already (RBT-11). Package job/execution finds
//     that out, and sends Due or does not.
//   - RBT-3. If somebody is logged in, the reboot is offered with the choice to put it off: Deferrals times, Interval
//     each. When they are used up and the last interval is over, or when the user accepts, the countdown runs, then
//     the reboot is asked for. A policy without deferrals goes to the countdown at once.
//   - RBT-4. If nobody is logged in there is nobody to ask: deferral is skipped and the countdown starts at once. It also
//     starts at once when the last user logs out during a prompt or a deferral. Somebody who logs in
//     during the countdown sees it and does not stop it.
//   - RBT-5. Logged in with the screen locked is logged in. A prompt that nobody answers within Prompt counts as one
//     deferral used, which began when the prompt's time ended. So the end is reached with nobody at the keyboard.
//   - RBT-6. Deferral ends at most 168 h ([MaxDeferral]) after the first offer, whatever the policy says. Policy.Validate
//     refuses a policy that could exceed it: Deferrals × (Prompt + Interval) + Countdown must fit. The machine holds the
//     bound even for a policy that was never validated, and counts the countdown in: deferrals and countdown are cut
//     short so that the reboot is asked for no later than 168 h after the first offer. Time that the asset was asleep
//     or off counts; a machine that is woken after the bound asks at its first event.
//   - RBT-7. With Suppress the asset is never rebooted and nobody is prompted, whether the screen is locked or not. The
//     machine waits in Parked, with no effects, until somebody reboots by hand. Whether later jobs wait for that too is a
//     setting of the agent: by default they do on Windows and do not on Linux; a job that reboots for it never does (RBT-11).
//     If the policy changes to Suppress later, the machine clears the screen and parks.
//   - RBT-8. Any reboot after Due counts, whoever caused it and in whatever phase: a boot identity other than that of
//     Due leads to Rebooted. An empty identity proves nothing; if that of Due was empty, the first that is known takes
//     its place.
//   - RBT-9. If the agent cannot tell who is logged in, it assumes that somebody is: Unknown, zero and values that this
//     package does not know are treated like Active (Sessions.Known), also when it was known before that nobody was.
//   - RBT-10. A reboot that is asked for again shows its countdown again: each time a pause and then the whole countdown, if
//     the policy has one, to whoever is there by then. RBT-6 is about deferral, so it does not cut a repeated countdown.
//     Not built: reboot hours, a calendar in which prompts, countdowns and reboots may happen.
//   - RBT-11. A reboot that is pending is a fact about the asset, whoever caused it: reported in check-ins with its age, and
//     listed until the boot identity changes and the system's own flag is gone, also when the agent's state was lost. A job
//     may reboot for it though it installs nothing, if it says so: job.Definition.RebootPending.
//   - RBT-12. A prompt tells what the user needs: which job and products, how many deferrals are left, and the last instant.
//     That is the latest moment at which the reboot is asked for, if every deferral is used to its end, and never later than
//     RBT-6 allows. ShowPrompt and ShowCountdown carry it on the steady clock; who shows it turns it into a time of day. An
//     asset that is asleep at that moment asks when it wakes up. Job and products are package job/execution's to add.
package reboot
