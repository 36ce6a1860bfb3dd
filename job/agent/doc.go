// Package agent is one whole agent as a pure machine: its queue, its
// executions, its unacknowledged reports, its check-ins and its clock.
//
// A driver calls [Step] with each event and what its clocks show. It commits
// the state that Step returns, and then carries out the effects of [Out].
// Results come back as events, and a [Tick] at the time that [Out] says. The
// zero [State] is an agent that never ran; the first event after each start is
// [Started]. The example shows that loop. Package job/runner is the driver for
// real assets, package agentsim the one for virtual fleets. The driver decides
// nothing, so both run the same agent.
//
// # Invariants
//
// These hold in every history, whatever is lost, repeated, delayed or cut off:
//
//  1. Nothing is installed unless the same bytes passed the integrity rules.
//  2. After an asset reports Cancelled for an order, nothing of it is deployed
//     there. Cancelled is never reported after the deploy stage began.
//  3. An order withdrawn before its execution started never executes.
//  4. There is at most one reboot per execution: after all its installs, if
//     needed, and never if suppressed.
//  5. While the asset is up, no deferral delays a reboot more than 168 h after
//     the user was first asked.
//  6. No installed version ever goes down, and no product appears that was not
//     installed before.
//  7. Once the agent knows that a patch is withdrawn, no execution that starts
//     later deploys it.
//  8. A crash at any instant loses no report, repeats no verified download, and
//     installs no patch a third time.
//  9. An agent's manifest revision never falls, except after a revision signed
//     by a key that is no longer trusted.
//  10. With an agent that keeps calling, every order reaches a final result.
//  11. The same events give the same history, byte for byte.
//  12. The server's counts equal what the agents' journals add up to.
//  13. An order starts at most once on an asset. This also holds after the
//     server was restored, and after the agent was reinstalled if the server
//     knows that the order began, ended or was withdrawn. It does not hold if
//     both forgot the order.
//  14. A rollout never has more assets at risk than its budget. No ring starts
//     before the gate of the ring before it promoted, or a named act skipped it.
//  15. Nothing starts, installs or reboots while the asset's calendar is closed.
//     An install that runs is let finish, and a reboot that cannot be deferred
//     any longer comes outside openings, but never in a closed period.
//  16. No deferral, delay or cap carries a vulnerability past its deadline while
//     a way to meet it exists. What is overdue has exactly one cause.
//  17. A patch that a baseline denies is never deployed by a job under that
//     baseline.
//
// The package implements MAN-3 to MAN-8, MAN-11 to MAN-13, JOB-3, JOB-5,
// JOB-11, JOB-12, JOB-17, JOB-21, JOB-23, JOB-24, INT-10, RBT-7 and RBT-11.
// Their text is in the docs of packages manifest, job, job/execution, integrity
// and reboot.
package agent
