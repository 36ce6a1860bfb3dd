// Package fleet simulates a week of up to ten million agents: one job over all
// of them, one cancel while it is handed out, downloads that fail, assets that
// are away, users who put reboots off.
//
//	result, err := fleet.Run(ctx, fleet.Config{Agents: 1_000_000, Seed: 1})
//
// # The world
//
// It begins on a Monday at midnight UTC. Agents check in every 15 minutes, each
// at times of its own. At 10:00 an administrator enables a job of two patches,
// one of which needs a reboot. Agents start when they receive their order,
// spread over 20 minutes. Twelve minutes later the run is cancelled, when a
// fifth of the fleet has not received it yet. What happens then on an asset
// depends on how far it has come. Most assets have a user with working hours;
// some are servers without one, some are always locked. Assets differ in
// network speed, clock and inventory.
//
// # What is real, and what is a model
//
// The agent is [agent.Step] over its state. Package manifest seals and opens
// the manifests, and [job.Definition.Plan] makes the orders. Four things differ
// from production. For each, a test shows that no byte of any asset's history
// depends on it:
//
//   - The server keeps ledger entries in arrays, where job/controller has a
//     store. Both step them with [ledger.Step] (TestServers).
//   - A keyed hash instead of Ed25519 seals manifests (TestSealing).
//   - Check-ins at which nothing can happen are skipped: the agent is idle, the
//     server has nothing for it, and nobody acts before the next
//     (TestBatching).
//   - The fleet runs in shards of some hundred assets, each with its own
//     server, because assets do not influence each other (TestShards). So
//     memory does not grow with the fleet.
//
// With [Config].Rollout, each server of 1,000 assets hands the job out in rings
// by package job/rollout, and looks at its rollout every half hour. There, the
// assets of one server do influence each other.
//
// # What is checked
//
// During the run, by the invariants of package job/agent: an asset installs
// only what passed its check (1), nothing after Cancelled, and never reports
// Cancelled after deploy began (2); it installs nothing twice (8); it reboots
// at most once, when a reboot is due, and within 168 hours of the first offer
// (4, 5); its revision never falls and it refuses no manifest (9); a cancel
// reaches every connected agent within the computed bound (MAN-3). At the end:
// every order has ended where the asset was there long enough (10), no rollout
// had more assets at risk than its budget (14), and the
// server's cancels and counts equal the agents' reports (12).
//
// # Determinism
//
// The same Config gives the same Result except its Cost, for any number of
// shards and workers, on any processor. Each asset has its own random numbers
// from the seed and its number, so one more asset changes no other.
package fleet
