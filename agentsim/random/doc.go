// Package random draws big worlds from seeds: scenarios of package agentsim with hundreds of assets and weeks of virtual time,
// in which networks, disks, clocks, installers, vendors, servers and administrators do whatever they may do. Since a world is a
// scenario file, whatever breaks in it can be read, played again, and shrunk.
//
//	r, err := random.Search(random.Options{Seed: 7, Assets: 300, Weeks: 6}, agentsim.Config{})
//	if r.Failure != nil { short := random.Shrink(r.Failure, agentsim.Config{}, 0); … short.Script is a few lines }
//
// The same program: go run ./examples/simulate random --seed 7 --assets 300 --weeks 6
//
// # Worlds
//
// A world has some kinds of Trouble; which ones, the seed says unless Options do: what is crowded out when everything goes wrong
// at once happens in another world. Draws come from streams of their own, one an asset and one a job, each made of the seed and
// the id: an asset that is added changes no other's draws. What may be refused, or may find an asset off, is a line that begins
// with try.
//
// All trouble ends after Options.Weeks: what was cut is connected, what was off comes on, faults are mended, jobs that recur are
// disabled. A few days later everything must have come to rest, but for assets that never came back.
//
// # What is checked
//
// Package agentsim checks the invariants of package job/agent in each step. At the end it checks that every order came to a
// final result (10), and that the server's counts, rows and lists agree with each other and with the agents' journals (12).
// Beside them this package's tests hold worlds to relations: what one changed world must have in common with the world it was
// changed from, such as that an asset more, a message that comes twice, or a server that crashes in between changes no asset's
// history. Histories are the same on every machine (invariant 11): Result.Hash tells.
//
// # Crashes
//
// An agent crashes, or its computer loses power, before and behind the commit of every kind of step; an installer may take it
// down in the middle. The server crashes before and behind any commit that writes something: those who asked it get no answer,
// and ask again.
package random
