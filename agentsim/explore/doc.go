// Package explore searches small worlds for histories that break an invariant.
// A world is one to three assets that run the production agent (package
// job/agent), one or two jobs, and a server. At every point of a history the
// search tries everything that can go wrong there.
//
//	report, err := explore.Search(world, explore.Bounds{States: 1_000_000})
//	if report.Broken != nil { … Trace is the shortest history found, Story describes it, Scenario is a file of it }
//
// # What is real, and what is a model
//
// The agent is [agent.Step] over its state. After a crash it starts on the
// bytes of [agent.State.MarshalBinary]. Package manifest seals and opens the
// manifests, with cheap signatures. Effects run one at a time and exist only in
// memory. The server and the agents share one clock; package agentsim has
// worlds in which clocks differ (MAN-8).
//
// In the worlds server, catalog, fleet, rollout, restored, removed and cloned
// the server is job/controller. Each state has a store of its own; stores share
// what they have in common. Each operation starts a new controller on what was
// committed, because a controller keeps nothing else except a copy of the
// catalog and calls that bring nothing new. So there are three crashes: just
// before a commit, right after it (the answer is lost and nothing follows), and
// after the second commit of an operation. The search visits some hundred to a
// few thousand states per second.
//
// In the other worlds the server is a model, which is ten to a hundred times as
// fast. It keeps its orders in arrays. [ledger.Step] decides what happens to an
// order and to an asset's revisions, as in production. The model only makes
// orders from the administrator's choices, and takes each report once.
//
// # Histories
//
// Each state has one default step: the first message arrives; if there is none,
// the first effect is carried out; if there is none, time advances to the next
// wake-up. The first asset goes before the second. Every other [Choice] is a
// deviation. The [Budget] of a world bounds the deviations of one history, so
// the number of states is finite. Histories with the fewest deviations come
// first, so the first violation found is nearly as short as possible. It is
// then shrunk.
//
// [Choice] lists what is tried, and the example of [Worlds] says how much of it
// each world has. Start times, window ends, check-ins and deferrals come as
// time advances; with the choice [Time], also while something is under way. If
// two jobs are due at once, one waits for the other (JOB-11).
//
// A crash can come before and after each commit and each effect. [Crash] comes
// after a commit and before its effects. [CrashBefore] loses the commit after
// an effect that left something on the asset; for any other event, a lost
// commit is the same as a [Crash].
//
// Not explored: recurring schedules, chains of jobs, actions and installers
// that ask for a reboot, patches that require each other, tags, zones, more
// than three of anything, clocks that are set, messages that outlive an agent's
// restart, and two servers over one store. Scenarios and random worlds of
// package agentsim have them. A search that stops at a bound reports how many
// states it left.
//
// # What is checked
//
// Observers check invariants 1 to 9 of package job/agent at each step, in their
// own words. As part of invariant 2, no deploy stage may begin after the cancel
// mark came (JOB-3). Invariant 10 is checked from every state: its default
// steps must reach an end, where each agent holds the newest manifest, nothing
// is under way, and each order that was received has a final result that the
// server knows.
//
// With the production server, invariant 12 is checked at every end: the server
// shows for each order what the asset reported last, and counts as many failed
// installs as the journals. As part of invariant 3, the server drops an order
// no later than it acknowledges its final result, unless it was restored from a
// backup. Invariant 13 is checked where an agent can be reinstalled or the
// server restored, by what the server knew when the agent lost its state.
//
// In the world rollout, invariant 14 is checked before and after each thing
// that the server does by itself. The search of package job/rollout covers far
// more states of a rollout, with two servers.
//
// # When two states are the same
//
// States are compared by 128 bits of a hash, which leaves out what cannot
// matter:
//
//   - Numbers that only count up (calls, effects, reports, revisions, boots)
//     are written as differences, or as whether they are the one awaited. Agent
//     and server compare them only with each other.
//   - Instants are written as distances from now. How long ago a start or a
//     window end came does not matter.
//   - Texts of reports, versions in outcomes, and the origin of the steady
//     clock decide nothing: nobody sets a clock here.
//   - Contents of orders follow from the world, the revision and the patches.
//   - The time of the next check-in is rounded up to a tenth of the interval.
//     The agent derives the exact time from the number of the call, which is
//     left out. So the search can miss a history in which a check-in comes
//     before another timer instead of after it. This can hide a violation. It
//     cannot invent one, because every state searched is real.
//   - The order of two assets, because they are alike: the mirror image of a
//     history is a history, and breaks the same invariants. Only the default
//     step prefers the first asset, so the image of a state may be found in
//     another layer.
//
// Two jobs are never merged: the lower id starts first, and their patches
// differ.
//
// With the production server, states are the same only at the same time: its
// records hold instants and counters, which are written as they are. Assets
// keep their places, and default steps are followed to the first end only. The
// time when an asset was last seen is left out if no state can be lost in that
// world.
//
// # Output
//
// A violation is shrunk to the deviations that it needs. It comes as a [Trace],
// which [Play] carries out again, and where package agentsim has words for it, as
// a scenario file for
//
//	go run ./examples/simulate scenario FILE
//
// There is none if only the order of steps makes the difference, or if the fault
// is in the model or in this package's driver.
//
// # Rules it serves
//
// JOB-3 to JOB-6, JOB-11, JOB-17, JOB-21, JOB-24, MAN-4 to MAN-7, MAN-9,
// MAN-10, CAT-6, CAT-7, CAT-9.
package explore
