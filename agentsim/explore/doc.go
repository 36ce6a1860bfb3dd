// Package explore searches small worlds for histories that break a rule: one or two assets with the production agent (package
// job/agent), one or two jobs over them, and a server, in which everything that can go wrong is tried at every point where it
// can.
//
//	report, err := explore.Search(world, explore.Bounds{States: 1_000_000})
//	if report.Broken != nil { … report.Broken.Trace is the shortest history found, Story tells it, Scenario is a file of it }
//
// # What is real, and what is a stand-in
//
// The agent is agent.Step over its state, which a crash brings back from the bytes of State.MarshalBinary; manifests are
// sealed and opened by package manifest, with cheap signatures. Effects are carried out one after the other, and live in memory
// only. Server and agents have one clock, and an answer tells the time at which it arrives: clocks that differ (MAN-8) are for
// package agentsim.
//
// The server of the worlds server, catalog and fleet is the production one: job/controller over a store of which each state has
// its own, cheaply, for they share what they have in common. It begins anew in front of each operation, on what was committed,
// since all it keeps beside the store is a copy of the catalog. So a crash is one of three: just before a transaction commits,
// right behind it, so that the answer is lost and what was to follow is undone, and behind the second one of an operation. Some
// hundred to a few thousand states a second are searched in these worlds.
//
// The server of the other worlds is ten to a hundred times as fast: it keeps its orders in arrays instead of a store. What
// happens to an order and to an asset's revisions is decided by ledger.Step, as on the production server. Its own is only
// which orders the administrator's choices make, and that it takes each report once.
//
// # Histories
//
// A history goes its ordinary way unless a Choice is made: the first message goes on, else the first effect is carried out, the
// first asset before the second, else the time goes on to when somebody wants to be woken. A world's Budget bounds how much of
// each trouble one history has, so that there are finitely many states. Histories with the fewest choices out of the ordinary
// are searched first, so what is found first is nearly as short as it can be; what can be left out is then left out.
//
// In world cloned the second computer is a copy of the first one's disk, which calls as the same asset; in world removed the asset is
// removed, and a computer enrols under its name with a new key. Neither of two that call in turn is handed anything that could
// start, nothing of a removed asset stays open, and its name's next bearer is handed nothing that it had (MAN-9, MAN-10).
//
// What is tried (which world has how much of it, the example of Worlds lists):
//
//	Turns     time, arrive, work, second first: a message or an effect waits, overtakes, or is overtaken
//	Changes   cancel, withdraw (disable), enable, delete; edit takes the last of two patches out of a job
//	Crashes   of an agent behind a commit, before the commit of an effect that is done, in the middle of an installation or an
//	          action (cut off); boots that nobody asked for
//	Losses    a call or an answer is lost; a call is given up, and arrives all the same
//	Repeats   a call or an answer comes twice; the manifest before the newest is played again
//	Faults    a download, an action, an installer fails, a reboot does not come; the file is damaged, or an old one
//	Sessions  login, logout, lock; and in these worlds a prompt is answered later, now, or by nobody
//	Sleeps    the computer sleeps past the end of a window
//	Outages   the production server halts before or behind its next commit, or behind the second
//	Removals  of an asset; and a computer that takes its name
//	Clones    a copy starts; the administrator settles it
//	Vendor    publishes a newer version, marks the end of life, withdraws (unlist), moves its address on to a newer file; the
//	          catalog is synced at once, or half an hour later
//
// Start times, window ends, check-ins and deferrals come as the time goes on, in all worlds; with time as a choice, also while
// something is under way. Two jobs that are due at once wait for each other (JOB-11), and the second has a newer version of the
// first's product: blocked, parked (the first's reboot is left to somebody, RBT-7),
// pending (and the second reboots for it, RBT-11), four, fleet.
//
// Not explored: schedules that recur, chains of jobs, actions that ask for a reboot, installers that do, patches that need each
// other, tags, zones, more than two of anything, clocks that are set, messages of an earlier life of an agent, and two servers
// over one store. Scenarios and random worlds of package agentsim have them. A search that a bound ends says how many states it
// left: see Report.
//
// A crash may fall before and behind each commit and each effect. Crash comes behind a commit and before its effects, since
// these are steps of their own. CrashBefore loses the commit behind an effect that left something behind; for any other event,
// a lost commit is a Crash.
//
// # What is checked
//
// Observers read the invariants of package job/agent in their own words, at each step: 1 to 9. Invariant 10 is checked from
// every state: its ordinary way, with no further trouble, must lead to an end, at which each agent holds the newest manifest,
// nothing is under way, and an order it received has a final result that the server knows. Beside these, as part of invariant
// 2, no deploy stage may begin when the cancel mark came before it (JOB-3).
//
// With the production server invariant 12 is checked at every end: what it shows of each order is the asset's last word, and
// its count of failed installs is what the journals add up to. And at each answer, as part of invariant 3: the server drops an
// order no later than it acknowledges its final result, unless it was put back to a backup.
//
// Where an agent can be reinstalled, and the server be put back to a backup of when the jobs were enabled, invariant 13 is
// checked by what the server knew when the agent lost its state.
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
//   - The contents of orders: they follow from the world, the order's revision and its patches.
//   - The time of the next check-in is rounded up to a tenth of the interval. The agent draws that share of it anew for every
//     call from its number, which is left out. This one is not exact: a history may be left out in which a check-in falls on
//     the other side of another timer that is as near as that. It can hide a violation; it can never make one up, because
//     every state that is searched is a real one.
//   - Which of two assets is which: their parts are written in the order of their bytes. That is sound, since the assets are
//     alike: they begin alike, every job is for both, whatever can happen to one can happen to the other, they share no
//     state but the administrator's, and an asset's name goes into nothing but the share of the interval that is rounded away. So
//     the mirror image of a history is a history, and breaks what it breaks. One thing is not alike: on the ordinary way the first
//     asset goes first, so that a mirror image may have other choices out of the ordinary, and a state may be found in
//     another layer than its image would be.
//
// Jobs are never merged: of two that are due at once the one with the lower id starts first, and their patches differ.
//
// The production server's records hold instants and numbers that only count up. They are written as they are, and so are the
// time and the reports' numbers in these worlds: there two states are the same only at the same time, assets keep their places,
// and an ordinary way is followed to its first end. Of the store, only when an asset was last seen is left out, where no state can
// be lost: there it decides nothing but what is shown as silent.
//
// Tests compare what states that were merged do next, and what the mirror images of states do; another one holds that every
// field is either written or left out on purpose.
//
// # What comes out of a violation
//
// It is shrunk to the choices without which it does not come about, and told three ways: as a Trace, which Play plays again
// step by step; as a story, a line a step; and, where it can be said, as a scenario file of package agentsim, played by
//
//	go run ./examples/simulate scenario FILE
//
// In a scenario things take time, and the server is the production one. Therefore the instants at which to say the choices are
// looked for by playing, and a scenario is returned only if it breaks the same invariant. There is none where the order of steps
// alone makes the difference, or where what is broken is the stand-in or this package's driver.
//
// # Rules it serves
//
//   - JOB-3, JOB-4. A cancel wins until the commit that begins the deploy stage; worlds try it at every point.
//   - JOB-5, JOB-6. Withdrawn orders leave the queue, and started ones go on; deleted jobs do not come back.
//   - JOB-11. One execution at a time, whatever becomes of the job that is waited for.
//   - JOB-24. An order starts at most once, whatever the agent or the server lost.
//   - JOB-17, JOB-21. What was committed is what a crash leaves; reports outlive it, and nothing is installed a third time.
//   - MAN-4 to MAN-7. Manifests come late, twice, or not at all; old ones are played again; last calls get no answer.
//   - CAT-6, CAT-7, CAT-9. Patches leave the open orders, whatever crashes meanwhile.
package explore
