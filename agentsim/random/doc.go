// Package random makes big worlds from seeds: scenarios of package agentsim
// with hundreds of assets and weeks of virtual time, in which networks, disks,
// clocks, installers, vendors and servers fail, and administrators change their
// minds. A world is a scenario file, so what breaks can be read, played again
// and shrunk.
//
//	r, err := random.Search(random.Options{Seed: 7, Assets: 300, Weeks: 6}, agentsim.Config{})
//	if r.Failure != nil { short := random.Shrink(r.Failure, agentsim.Config{}, 0); … short.Script is a few lines }
//
// As a program: go run ./examples/simulate random --seed 7 --assets 300 --weeks
// 6
//
// # Worlds
//
// A world has only some kinds of [Trouble], chosen by the seed or by [Options].
// If everything always went wrong at once, some situations would never arise.
// Each asset and each job has its own random numbers from the seed and its id,
// so one more asset changes no other. A line begins with try if the server may
// refuse it or its asset may be off.
//
// All trouble ends after Options.Weeks: networks are connected, computers are
// on, faults are repaired, recurring jobs are disabled. A few days later
// everything must have ended, except on assets that never came back.
//
// # What is checked
//
// Package agentsim checks the invariants of package job/agent in each step. At
// the end every order must have a final result (10), and the server's counts,
// rows and lists must agree with each other and with the agents' journals (12).
// The tests of this package also compare a world with a changed one: one more
// asset, a message that comes twice, or a server crash changes no asset's
// history. Histories are the same on every machine (11); see Result.Hash.
//
// # Crashes
//
// An agent crashes, or its computer loses power, before and after the commit of
// each kind of step, or during an installer. The server crashes before and
// after any commit that writes something; the caller gets no answer and
// calls again.
package random
