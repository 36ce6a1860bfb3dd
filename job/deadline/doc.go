// Package deadline says by when a vulnerability must be gone from an asset, and
// why it is not gone yet.
//
// A [Table] maps [Facts] about a vulnerability and an asset to a time and a
// duty. [Decide] looks a case up and returns its [Deadline]. [Deadline.Status]
// compares the deadline with what happened on the asset. [BOD2604], [PCIDSS]
// and [CyberEssentials] are built in; [Parse] reads others.
//
// Nothing here is stored: a deadline is a function of the facts as of an
// instant. A caller stores when a fix was first missing on the asset
// ([Asset].Missing), and the exceptions. The package reads no clock and no time
// zone database, and every function is safe for concurrent use.
//
// # Rules
//
//   - DUE-1. A deadline table maps facts about a vulnerability and an asset to
//     a time and a duty. CISA BOD 26-04, PCI DSS 6.3.3 and Cyber Essentials are
//     built in, with their sources; others load from a documented format. BOD
//     26-04 asks for known exploited, publicly exposed, automatable and
//     technical impact, and gives 3 days with forensic triage, 3, 14 or 60
//     days, or the next upgrade. Every case matches a row of a table.
//     [Table.Warnings] lists the worse facts that give a later date.
//   - DUE-2. The anchor is explicit: published, listed as exploited, first
//     missing on this asset, or the earliest of them. If that date is unknown,
//     the first known one of these counts: listed, published, first missing,
//     now. Days are calendar days in the table's zone, and the last one counts
//     to its end (CAT-13).
//   - DUE-3. A deadline belongs to the vulnerability on the asset, not to the
//     patch: a re-release or a superseding patch inherits the earliest deadline
//     ([Earliest]). It is a function of the facts as of an instant. It moves
//     later only if a named fact changed.
//   - DUE-4. An unknown fact takes the value in the table's Assume, or the
//     worse value if Assume leaves it out. So an asset whose exposure is
//     unknown counts as exposed unless the table says otherwise.
//   - DUE-5. The state is Open, DueSoon, Overdue with a cause, Met or Excepted.
//     "Next upgrade" has no date and is never overdue. The cause is the first
//     of these that holds: NotReached, NoPatch, PendingReboot, Failed,
//     Cancelled, NotApproved, HeldBack, NoWindow, NoJob. A patch whose reboot
//     is pending does not make it Met. Each overdue vulnerability has exactly
//     one cause, so the causes add up to the overdue count.
//   - DUE-6. An exception has an owner, a reason, an end, and triggers that end
//     it early: a patch appears, exploitation becomes known, or the exposure
//     changes.
//   - DUE-7. Saving a job, baseline or calendar says whether it can miss a
//     deadline of the tables in force, and shows the worst case in hours: lead,
//     propagation, window, delay and deferral (job.Definition.Check).
package deadline
