// Package agent is one whole agent as a pure machine: its queue, its executions, its unacknowledged reports, its
// check-ins and its clock.
//
// A driver calls [Step] with each event and what its clocks show, commits the state it returns, and only then carries out the
// effects of [Out]; results come back as events, and a [Tick] when [Out] says. The zero [State] is an agent that never ran;
// the first event of each start is [Started]. Package job/runner is the driver for real assets, package agentsim the one for
// virtual fleets. Since the driver decides nothing, both show the same agent.
//
// # Invariants
//
// They hold in every history, whatever is lost, repeated, delayed or cut off:
//
//  1. Nothing is installed that did not pass the integrity rules on the same bytes.
//  2. After an asset reports Cancelled for an order, nothing of it is deployed there; Cancelled is never reported after
//     the deploy stage began.
//  3. An order withdrawn before its execution started never executes.
//  4. At most one reboot per execution, only after all its installs, only if needed, never if suppressed.
//  5. No deferral carries a reboot beyond 168 h after its first offer while the asset is up.
//  6. No installed version ever goes down, and no product appears that was not there.
//  7. No patch the agent knows to be withdrawn is deployed by an execution that started afterwards.
//  8. A crash at any instant loses no report, repeats no verified download, and installs no patch a third time.
//  9. An agent's manifest revision never falls, but after one that a key signed which is believed no more.
//  10. With an agent that keeps calling, every order reaches a final result.
//  11. The same events give the same history, byte for byte.
//  12. The server's counts equal what the agents' journals add up to.
//  13. An order starts at most once on an asset, also after the server was restored, or the agent was reinstalled while
//     the server knows the order as begun, ended or withdrawn; not if both forgot it.
//
// The rules it serves are MAN-3 to MAN-8, MAN-11 to MAN-13, JOB-3, JOB-5, JOB-11, JOB-12, JOB-17, JOB-21, JOB-23, JOB-24, INT-10, RBT-7 and RBT-11; their text is in the
// docs of packages manifest, job and reboot.
package agent
