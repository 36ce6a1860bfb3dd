// Package schedule says when a job runs: the recurrences of a [Schedule], the [Occurrence]s that follow from it in a time
// zone, and the delay that spreads one start over many assets. It knows jobs, runs and assets only as text.
//
// Nothing here reads a clock or the time zone database: instants and zones are arguments.
//
// # Rules
//
//   - JOB-9. Schedules: on demand; once; daily; weekly on chosen days; monthly on a day from 1 to 31, on the last day, or
//     on the first to fifth or last of a weekday; Patch Tuesday, the second of a month, with an offset of −27 to +27 days.
//     Once may be an instant; every other time is one on the clock of a named zone or of each asset's own. A day the
//     month lacks is skipped. A local time that a clock change skips runs at the first instant after the gap; one that
//     occurs twice runs at the first. Starts can be spread over the assets by at most 2 h, shorter than the window and
//     fixed for an asset and run. Schedule.NextIn and PrevIn give the runs, job.Definition.Span an asset's start and the
//     end of its window; zones are arguments.
package schedule
