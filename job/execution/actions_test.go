package execution

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// An agent that is held to a policy, or set to run none, since an execution
// began runs no action any more that may not run (INT-10). Before stage 2 the
// order ends; later the rest is aborted, and what was done is settled.
func TestActionForbiddenMeanwhile_INT10(t *testing.T) {
	first := job.Action{Name: "first", Command: []string{"first"}}
	last := job.Action{Name: "last", Command: []string{"last"}}
	house := integrity.Policy{
		Format: integrity.PolicyFormat, Commands: []integrity.Command{{Name: "first", Command: []string{"first"}}},
		Clauses: []integrity.Clause{{Name: "all", Vendor: integrity.Any, Product: integrity.Any, AllowUnsigned: true}},
	}.Excerpt()
	for name, tc := range map[string]struct {
		c     Config
		call  bool // the settings change at the last call, otherwise with the install
		ran   int
		patch job.PatchStatus
		want  job.Result
	}{
		"none, before the first":       {Config{Can: []string{}}, true, 0, job.PatchFailed, job.Failed},
		"a policy, before the first":   {Config{Policy: house}, true, 0, job.PatchFailed, job.Failed},
		"a policy, during the install": {Config{Policy: house}, false, 1, job.Succeeded, job.CompletedWithFailures},
		"none, during the install":     {Config{Can: []string{}}, false, 1, job.Succeeded, job.CompletedWithFailures},
		"all of them beside a policy":  {Config{Policy: house, Can: job.Capabilities()}, true, 2, job.Succeeded, job.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			o := orderOf(t, "a")
			o.Pre, o.Post = []job.Action{first}, []job.Action{last}
			w := newWorld(t, o, map[string]string{"a": "1.0.0"})
			w.before = func(e Effect) bool {
				_, call := e.(LastCall)
				if _, install := e.(Install); call && tc.call || install {
					w.c = tc.c
				}
				return false
			}
			w.run()
			require.Equal(t, tc.ran, w.count("act first")+w.count("act last"), "%q", w.log)
			require.Equal(t, tc.want, w.result(), "%q", w.log)
			require.Equal(t, tc.patch, w.patch("a").Status)
			report := w.reports[len(w.reports)-1]
			if tc.want == job.Completed {
				return
			}
			if tc.patch == job.PatchFailed { // stage 2 does not begin
				require.Equal(t, []any{job.PatchInstallationSkipped, "INT-10"}, []any{w.patch("a").Code, w.patch("a").Rule})
				require.Empty(t, report.Actions)
				require.Contains(t, report.Text, "may not run")
				return
			}
			stopped := report.Actions[len(report.Actions)-1]
			require.Equal(t, 1, stopped.Exit)
			require.Contains(t, stopped.Text, "may not run")
		})
	}
}

// Actions that went well do not make a success of an order whose patches all
// failed. Without a failed patch they do.
func TestResultIsThePatches_JOB16_JOB13(t *testing.T) {
	for name, c := range map[string]struct {
		failing map[string]int // exit codes of actions
		patch   InstallResult
		want    job.Result
	}{
		"the only patch fails":             {nil, InstallResult{Code: job.InstallerFailed}, job.Failed},
		"the patch succeeds, all else too": {nil, InstallResult{}, job.Completed},
		"an action fails":                  {map[string]int{"tidy": 1}, InstallResult{}, job.CompletedWithFailures},
		"patch and action fail":            {map[string]int{"tidy": 1}, InstallResult{Code: job.InstallerFailed}, job.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			o := orderOf(t, "a")
			o.Pre = []job.Action{{Name: "stop", Command: []string{"true"}}}
			o.Post = []job.Action{{Name: "tidy", Command: []string{"true"}}}
			w := newWorld(t, o, map[string]string{"a": "1.0.0"})
			w.results["a"] = c.patch
			w.exits = c.failing
			w.run()
			require.Equal(t, c.want, w.result())
		})
	}
}
