// Package fleet lets a million virtual agents live through a week: one job over all of them, one cancel while it is being
// handed out, downloads that fail, assets that are away, users who put reboots off.
//
//	result, err := fleet.Run(ctx, fleet.Config{Agents: 1_000_000, Seed: 1})
//
// # The world
//
// It begins on a Monday at midnight, UTC. Agents check in every 15 minutes, each at times of its own. At 10:00 an administrator
// enables a job of two patches, one of which needs a reboot; agents start at the receipt of their order, spread over 20 minutes.
// Twelve minutes later the run is cancelled, while a fifth of the fleet has not received it yet. What then happens on each asset
// follows from how far it was. Most assets are somebody's, with working hours; some are servers with nobody there, some are
// always locked. Assets differ in the speed of their network, in their clocks and in what is installed.
//
// # What is real, and what is a stand-in
//
// The agent is agent.Step over its State; manifests are sealed, opened and applied by package manifest; orders are made by
// job.Definition.Plan. The rest differs from the product in four points, and for each a test shows that no byte of any
// asset's history depends on it:
//
//   - The server is a lean one that keeps ledger entries in arrays where package controller keeps them in a store; both step
//     them by ledger.Step (TestServers: every manifest, every report and every final state are the same).
//   - Manifests are sealed by a keyed hash instead of Ed25519 (TestSealing).
//   - Check-ins at which nothing can happen are passed over: the agent is idle, the server has nothing for it, and nobody acts
//     before the next (TestBatching: also the controller's records are the same, byte for byte).
//   - The fleet lives in shards of some hundred assets, each with a server of its own which does the same at the same
//     instants, for agents do not influence one another (TestShards). So a fleet needs little memory, however large it is.
//
// # What is checked
//
// While it runs: an asset installs only what passed its check (invariant 1 of package agent), nothing after Cancelled and no
// Cancelled after deploy began (2), nothing twice (8); it reboots once at most, when a reboot is due, and within 168 hours of
// the first offer (4, 5); its revision never falls and it refuses no manifest (9); a cancel reaches every connected agent within
// the bound that the library computes (MAN-3). At the end: every order has ended wherever the asset was there for long enough
// (10), and what the server says of each cancel and counts in all is what the agents' own words add up to (12).
//
// # Determinism
//
// The same Config gives the same Result, Cost aside, whatever the shards, the workers and the processor. Each asset's draws come
// from the seed and its number, so another asset more changes none of the others.
package fleet
