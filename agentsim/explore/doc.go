// Package explore searches small worlds for histories that break a rule: one asset with the production agent (package
// job/agent) and one order, in which everything that can go wrong is tried at every point where it can.
//
//	report, err := explore.Search(world, explore.Bounds{States: 1_000_000})
//	if report.Broken != nil { … report.Broken.Trace is the shortest history found, report.Broken.Story tells it }
//
// # What is real, and what is a stand-in
//
// The agent is agent.Step over its state, which a crash brings back from the bytes of State.MarshalBinary; manifests are
// sealed and opened by package manifest. The rest is small enough to be copied: the server takes each report once, publishes
// what the administrator's choices say, and takes an order out of the manifest when it has its result; effects are carried out
// one after the other, and live in memory only. Server and agent have one clock, and an answer tells the time at which it
// arrives: clocks that differ (MAN-8) are for package agentsim, which has the production server too.
//
// # Histories
//
// A history goes its ordinary way (the first message goes on, else the first effect is carried out, else the time goes on to
// when the agent wants to be woken) unless a Choice is made: see its constants. A world's Budget bounds how much of each
// trouble one history has, so that there are finitely many states. Histories with the fewest choices out of the ordinary are
// searched first, so what is found first is nearly as short as it can be; what can be left out is then left out.
//
// A crash may fall before and behind each commit and each effect. Crash comes behind a commit and before its effects, since
// these are steps of their own. CrashBefore loses the commit behind an effect that left something behind; for any other event,
// a lost commit is a Crash.
//
// # What is checked
//
// Onlookers read the invariants of package job/agent in their own words, at each step: 1 to 9. Invariant 10 is checked from
// every state: its ordinary way, with no further trouble, must lead to an end, at which the agent holds the newest manifest,
// nothing is under way, and an order it received has a final result that the server knows. Beside these, as part of invariant
// 2, no deploy stage may begin when the cancel mark came before it (JOB-3).
//
// # When two states are the same
//
// States are told apart by 128 bits of a hash. It leaves out what cannot matter any more, so that worlds are finite:
//
//   - Numbers that only count up (calls, effects, reports, revisions, boots) are written as differences, or as whether they are
//     the one awaited: the agent and the server compare them with each other and with nothing else.
//   - Instants are written as distances from now: the agent asks how long it is until one, or whether it has come. Of starts and
//     window ends that have come it does not matter how long ago that was.
//   - The texts of reports, what an outcome says of versions, and the anchor of the steady clock decide nothing: the last one
//     because nobody sets a clock here.
//   - The contents of orders: they follow from the world and the order's revision.
//   - The time of the next check-in is rounded up to a tenth of the interval. The agent draws that share of it anew for every
//     call from its number, which is left out. This one is not exact: a history may be left out in which a check-in falls on
//     the other side of another timer that is as near as that. It can hide a violation; it can never make one up, because
//     every state that is searched is a real one.
//
// A test compares what states that were merged do next, and another one holds that every field is either written or left out
// on purpose.
//
// # Rules it serves
//
//   - JOB-3, JOB-4. A cancel wins until the commit that begins the deploy stage; worlds try it at every point.
//   - JOB-17, JOB-21. What was committed is what a crash leaves; reports outlive it, and nothing is installed a third time.
//   - MAN-4 to MAN-7. Manifests come late, twice, or not at all; old ones are played again; last calls get no answer.
package explore
