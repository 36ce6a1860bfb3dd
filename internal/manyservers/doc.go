// Package manyservers runs three real servers (examples/server) on one real
// PostgreSQL, with many agents that call any of them, and kills the servers at
// random with SIGKILL. It holds tests only.
//
// An agent here makes up what it did, numbers its reports, and repeats them
// until they are acknowledged, to whichever server it reaches. Then the counts
// on both sides are compared: each order came once and ended once, each report
// counted once, and nothing of the server's indexes is wrong. One job has a
// rollout: the agents count how many of them carry out its order at once. A trigger in the
// database notes which server moved a run along, and in which leadership: in
// each, only one did.
//
// The default takes under a minute. MANYSERVERS=20 has twenty times as many
// orders.
package manyservers
