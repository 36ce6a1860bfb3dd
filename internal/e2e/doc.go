// Package e2e tests the real server and agent as processes, with real packages in
// real Debian roots.
//
// It holds tests only. They build both programs once and start them with folders
// of their own. Over the loopback an agent reaches its server, and the
// repositories that the tests make. What a test says about a package comes from
// dpkg itself.
//
//   - TestRealDebianRoot patches a root made by debootstrap from the
//     repositories in this machine's apt configuration.
//   - The others go through bad days, on tiny roots with packages made for them:
//     of the repository (a tampered package or list, an expired or unknown
//     signature, broken connections), of the asset (a full disk, a failing
//     script), and SIGKILL of agent and server. Each ends with the result and
//     the code that the rules name, and the next run finishes the work.
//
// They need Linux, root, and the programs that internal/debroot names. Where
// something is missing they say so and skip; with CI=true they fail instead.
package e2e
