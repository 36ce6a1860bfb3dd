// Package schedule says when a job runs: the recurrences of a [Schedule], the
// [Occurrence]s that follow from it in a time zone, and the delay that spreads
// one start over many assets. A [Calendar] says whether anything may happen at
// all. To this package, jobs, runs and assets are only text.
//
// The package reads no clock and no time zone database: instants and zones are
// arguments.
//
// # Rules
//
//   - JOB-9. The schedules are: on demand; once; daily; weekly on chosen days;
//     monthly on a day from 1 to 31, on the last day, or on a weekday that is
//     the first to fifth or the last of the month; Patch Tuesday (the second
//     Tuesday of a month) with an offset of −27 to +27 days. Once may be an
//     instant. Every other time is a time on the clock of a named zone or of
//     each asset's own zone. A day that the month lacks is skipped. A local
//     time that a clock change skips runs at the first instant after the gap;
//     one that occurs twice runs at the first. Starts can be spread over the
//     assets by at most 2 h. The spread is shorter than the window. An asset's
//     delay is fixed for a run. If a schedule uses each asset's own zone, that
//     asset's clock decides whether a start is past, was missed, or is next. So
//     a job for "tonight at 22:00" can be enabled while 22:00 is still to come
//     in any zone. Assets where it has passed are left out of that run with the
//     reason, even if their window would still be open. A run has one identity
//     in all zones: its local time. So its orders keep their identity when an
//     asset moves to another zone. An order that has not begun is made again in
//     the call that reports the new zone, which can be the last call (MAN-7).
//     If the move puts the start in the past, the run counts as missed
//     (JOB-12). An asset whose zone is unknown or invalid is left out with the
//     reason. [Schedule.NextIn] and [Schedule.PrevIn] return the runs.
//     job.Definition.Span returns an asset's start and the end of its window.
//   - CAL-1. A calendar is a set of recurring openings in a zone (a named one,
//     or each asset's own) less closed periods, each with a reason: whole days,
//     or from one instant to another. [Calendar.At] says until when it is open,
//     or what closes it and when it opens again. Jobs start, install and reboot
//     only while it is open. A start in a closed time waits for the next
//     opening; a job with a window starts only inside the window (JOB-12). What
//     happens at the end of a window also happens when the calendar closes
//     (JOB-10). A calendar whose zone is not known is closed.
//   - CAL-2. A closed period can be overridden by an act with a name, a reason
//     and an end ([Override]), or by a row of a deadline table that says so
//     ([Calendar.Overridden]). Nothing else opens a closed period.
//   - CAL-3. If a closed period makes a deadline impossible, saving it says so
//     (job.Definition.Check).
//   - CAL-4. Clock changes are as in JOB-9. An opening that spans midnight or a
//     change of the clock is one opening of its stated length.
package schedule
