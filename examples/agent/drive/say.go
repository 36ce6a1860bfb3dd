package drive

import (
	"log/slog"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// say logs each report after last, one line per report and one per patch of a
// result, and returns the last number logged. Text from outside is escaped.
func say(logger *slog.Logger, reports []job.Report, last job.Sequence) job.Sequence {
	for _, r := range reports {
		if r.Sequence <= last {
			continue
		}
		last = r.Sequence
		var what []any
		add := func(key, value string) {
			if value != "" {
				what = append(what, key, problem.Printable(value))
			}
		}
		add("order", string(r.Order))
		if r.Progress != 0 {
			add("progress", r.Progress.String())
		}
		if r.Result != 0 {
			add("result", r.Result.String())
		}
		if r.TooLate != 0 {
			add("cancel came after the start of", r.TooLate.String())
		}
		add("manifest refused", r.Refused)
		add("why", r.Text)
		logger.Info("the agent reports", what...)
		for _, p := range r.Patches {
			logger.Info("patch", "order", problem.Printable(string(r.Order)), "patch", problem.Printable(string(p.Patch)), "status", p.Status.String(), "name", problem.Printable(p.Name), "why", problem.Printable(p.Text))
		}
	}
	return last
}
