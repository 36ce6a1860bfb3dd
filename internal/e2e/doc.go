// Package e2e tests the real thing: the server and the agent as processes, with
// real packages in real Debian roots.
//
// It holds tests only. They build both programs once, and start them with
// folders of their own; an agent reaches its server, and the repositories that
// the tests make themselves, over the loopback. What a test says became of a
// package, dpkg itself has said.
//
//   - TestRealDebianRoot patches a root made by debootstrap from the repositories that this machine's apt is configured with.
//   - The others go through the bad days, on tiny roots and packages made for them: what the repository does (a tampered package or list,
//     an expired or unknown signature, connections that are cut), what the asset does (a full disk, a failing script), and SIGKILL
//     to agent and server. Each ends in the result and the code that the rules name, and the next run finishes the work.
//
// They need Linux, root, and the programs that internal/debroot names. Where
// something is missing they say so and are skipped; with CI=true they fail
// instead.
package e2e
