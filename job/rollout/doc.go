// Package rollout says which assets of a run may start now, and whether the run
// goes on, holds or stops: rings, gates, a budget of assets at risk, and slots
// for reboots. A job can have a rollout; no job uses the slots yet.
//
// [Begin] makes the [State] of a run from a [Policy] and the assets that the
// run selects. Each asset is a [Member]. [Step] takes the state one event
// further. [StepMember] does that to the state and one member. They return an
// [Out]: a grant, rings that start, or a stop, with the rule and the reason.
// [State.Gate] says at any time what keeps the rollout from going on.
// [StepSlots] does the same for reboot slots, which are a machine of their own.
//
// A State has counts only, so it stays small. A server stores one State per
// run, and one Member per run and asset. It reads both, steps them and writes
// them in one serializable transaction. That makes the budget exact, however
// many servers there are. Assets are known by their ids only.
//
//	Running ◄──resume── Stopped ──abandon──► Abandoned
//	   │ └───────stop──────▲                     ▲
//	   │ └───────────────────abandon─────────────┘
//	   └──the last gate promotes and nobody waits, or nothing is left to do──► Done
//
// # Rules
//
//   - ROL-1. A rollout is an ordered list of rings. A ring takes assets by tag,
//     by a count or a share, or the rest. A hash picks those of a count or a
//     share; it is stable for an asset and differs between releases. Each ring
//     has a soak time and a gate, and can have a limit. An asset is in the
//     first ring that takes it, and stays there. Rings start in order. When a
//     gate promotes, the next ring starts at the next time of the job's
//     schedule, with a window of its own. If the job is on demand, the ring
//     starts at once, calendar permitting ([Tick].Next). No new run of the job
//     starts while its rollout is open ([State.Open]). An asset that joins
//     later starts by the rule of its own ring ([Joined]).
//   - ROL-2. A gate has three answers: Promote, Hold and Stop. The success is
//     the number of assets that succeeded, divided by all assets of the ring
//     that were granted, silent and pending ones included. An asset counts in
//     neither number if it was removed, if its order was withdrawn, or if the
//     patch is not applicable to it. A gate needs a minimum number of
//     conclusive results, and then the whole soak time: it begins when the ring
//     has that number. While the results are inconclusive, the answer is Hold.
//     One exception: when nothing is left to do in any ring, the rollout is
//     done, and the job's next run can start. If so many assets of a ring
//     failed that its gate can never promote, the rollout stops.
//   - ROL-3. The budget is how many assets may be at risk at once: those
//     granted and not yet verified, those that failed, and those silent past a
//     timeout. An asset that is removed while it is at risk keeps its place in
//     the budget. A share is a share of the assets that are selected when the
//     run is made. It is rounded down, is at least one, and does not change.
//     The budget holds exactly in every interleaving, with several servers,
//     duplicate calls and crashes. If it is full, no further grant is made. If
//     failed, silent and removed assets alone fill it, the rollout stops. A
//     ring can have a limit of the same kind.
//   - ROL-4. Only a named act ends a stop: somebody resumes or abandons the
//     rollout, and says why. No new grant is made. Grants of assets that have
//     not begun are withdrawn ([State.Recalls]). Such an asset waits again, in
//     case the rollout is resumed. Whoever resumes accepts the assets that are
//     failed, silent or removed at that time. Such an asset counts in neither
//     gate nor budget until it is verified, withdrawn or not applicable.
//   - ROL-5. A rollout says before it is enabled how many assets at most a bad
//     patch can hurt before the stop ([Policy.BlastRadius]). An exhaustive
//     search finds the same number, and a recorded history attains it.
//   - ROL-6. A newer version that appears meanwhile starts a rollout of its
//     own; it never skips a ring. An expedite skips soak and gates only as a
//     named act ([ExpediteAsked]). For a LatestOnly product, a rollout that
//     takes longer than the product's release gap would never reach its last
//     ring. A check before saving says so; it is not part of this package.
//   - ROL-7. Reboot slots: a job can limit how many assets of a group (by tag)
//     are down for its reboots at once. A slot is a lease with a holder. When it
//     ends, its holder may no longer go down, and nobody else gets the slot: the
//     slot is released only after the asset has reported back, or by a named
//     act. An asset that is already down may always be repaired. An agent asks
//     before the countdown to its reboot, and the answer is in its manifest. A
//     server that was restored from a backup knows a lease given since only when
//     its asset calls again; until then it may let one more asset go down.
//
// # Invariant
//
// A rollout never has more assets at risk than its budget. No ring starts until
// the previous ring's gate has promoted or an act has skipped it (invariant
// 14). The tests of this package search small worlds for a history that breaks
// it, with two servers, crashes, silent assets, and messages that come late,
// twice or never.
package rollout
