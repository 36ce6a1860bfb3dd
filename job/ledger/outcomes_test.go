package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// failed names the failed installs of an order, with the minute after t0 at
// which each was first reported.
func failed(o ledger.Outcomes) (list []string) {
	for _, f := range o.Failed {
		list = append(list, fmt.Sprintf("%s %d", f.Patch, int(f.At.Sub(t0).Minutes())))
	}
	return list
}

// What an asset reports replaces what it reported before. A patch counts as
// failed once, from when that was first said, and no longer when a later report
// says otherwise (RPT-1).
func TestFailedInstalls_RPT1(t *testing.T) {
	var o ledger.Outcomes
	for i, step := range []struct {
		patches []job.PatchOutcome
		want    []string
	}{
		{nil, nil},
		{[]job.PatchOutcome{outcome("c", job.PatchFailed, 9), outcome("a", job.PatchFailed, 11), outcome("b", job.Installed, 0)}, []string{"a 1", "c 1"}},
		{[]job.PatchOutcome{outcome("c", job.PatchFailed, 9), outcome("a", job.PatchFailed, 11), outcome("b", job.Installed, 0)}, []string{"a 1", "c 1"}},
		{[]job.PatchOutcome{outcome("a", job.PatchFailed, 15), outcome("b", job.PatchFailed, 15), outcome("c", job.PatchFailed, 9)}, []string{"a 1", "b 3", "c 1"}},
		{[]job.PatchOutcome{outcome("a", job.Succeeded, 0), outcome("b", job.PatchFailed, 15), outcome("c", job.PatchFailed, 9)}, []string{"b 3", "c 1"}},
		{[]job.PatchOutcome{outcome("a", job.PatchFailed, 5), outcome("b", job.PatchFailed, 15)}, []string{"a 5", "b 3"}},
		{nil, nil},
		{[]job.PatchOutcome{outcome("a", job.PatchFailed, 5)}, []string{"a 7"}},
	} {
		before := failed(o)
		next := o.Report(step.patches, t0.Add(time.Duration(i)*time.Minute))
		require.Equal(t, before, failed(o), "report %d leaves what it was made of alone", i)
		require.Equal(t, step.want, failed(next), "report %d", i)
		require.Len(t, next.Reported, len(step.patches))
		o = next
	}
}

// Only an install that was tried and failed is a failed install. One that a
// cancel kept from being tried is not (RPT-1).
func TestWhatIsAFailedInstall_RPT1(t *testing.T) {
	for status := job.Pending; status <= job.LeftOut; status++ {
		for _, code := range codes() {
			o := ledger.Outcomes{}.Report([]job.PatchOutcome{outcome("a", status, code)}, t0)
			want := status == job.PatchFailed && code != job.CodeCancelled
			require.Equal(t, want, len(o.Failed) == 1, "%v %v", status, code)
			require.Len(t, o.Index(run, asset), len(o.Failed))
		}
	}
}

// The rows are the failed installs with what the asset last said of them, in
// the asset's order (RPT-2).
func TestRowsOfFailedInstalls_RPT2(t *testing.T) {
	v := func(s string) version.Version {
		parsed, err := version.Parse(version.Semver, s)
		require.NoError(t, err)
		return parsed
	}
	c := job.PatchOutcome{
		Patch: "c", Name: "Editor", Status: job.PatchFailed, From: v("1.0.0"), To: v("2.0.0"), Now: v("1.5.0"), Code: 11, Rule: "INT-1", Text: "The signature is bad.",
	}
	row := ledger.Failure{At: t0, Asset: asset, Job: "nightly", Run: run, Patch: "c", Name: "Editor", From: v("1.0.0"), To: v("2.0.0"), Code: 11, Rule: "INT-1", Text: "The signature is bad."}
	o := ledger.Outcomes{}.Report([]job.PatchOutcome{c, outcome("b", job.Succeeded, 0), outcome("a", job.PatchFailed, 9)}, t0)
	require.Equal(t, []ledger.Failure{row, {At: t0, Asset: asset, Job: "nightly", Run: run, Patch: "a", Code: 9}}, o.Index(run, asset))
	c.Code, c.Text = 15, "Not at its version."
	o = o.Report([]job.PatchOutcome{c}, t0.Add(time.Hour))
	row.Code, row.Text = 15, "Not at its version."
	require.Equal(t, []ledger.Failure{row}, o.Index(run, asset), "what was said last, and when it was first said")
	require.Empty(t, ledger.Outcomes{}.Index(run, asset))
	require.Empty(t, ledger.Outcomes{LeftOut: []job.PatchOutcome{outcome("a", job.PatchFailed, 9)}}.Index(run, asset), "what was never ordered is no install")
}

// What the server left out is beside what the asset reports, and each replaces its own only.
func TestLeftOutAndReportedAreApart(t *testing.T) {
	left, said := []job.PatchOutcome{outcome("old", job.LeftOut, 0)}, []job.PatchOutcome{outcome("a", job.PatchFailed, 9)}
	o := ledger.Outcomes{}.Report(said, t0).LeaveOut(left)
	require.Equal(t, ledger.Outcomes{LeftOut: left, Reported: said, Failed: []ledger.Failed{{Patch: "a", At: t0}}}, o)
	o = o.LeaveOut(nil)
	require.Empty(t, o.LeftOut)
	require.Equal(t, said, o.Reported)
	o = o.LeaveOut(left).Report(nil, t0)
	require.Equal(t, left, o.LeftOut)
	require.Empty(t, o.Reported)
	require.Empty(t, o.Failed)
}

func TestLeaveOutIsBounded_JOB8(t *testing.T) {
	var many []job.PatchOutcome
	for i := range job.MaxPatches + 1 {
		many = append(many, outcome(fmt.Sprintf("p-%04d", i), job.LeftOut, 0))
	}
	for _, n := range []int{0, 1, job.MaxPatches - 1, job.MaxPatches} {
		require.Len(t, ledger.Outcomes{}.LeaveOut(many[:n]).LeftOut, n)
	}
	o := ledger.Outcomes{}.LeaveOut(many)
	require.Len(t, o.LeftOut, job.MaxPatches)
	require.Equal(t, many[:job.MaxPatches], o.LeftOut, "the first stay")
}

// wordy is an outcome whose free texts have n bytes each.
func wordy(id string, n int) job.PatchOutcome {
	text := strings.Repeat("x", n)
	p := outcome(id, job.PatchFailed, 9)
	p.Name, p.Text = text, text
	p.Check = &integrity.Verdict{Text: text, Clause: text, Signature: integrity.Signature{Signer: text, Detail: text}}
	return p
}

// texts are the free texts of outcomes.
func texts(list []job.PatchOutcome) (all []string) {
	for _, p := range list {
		all = append(all, p.Name, p.Text)
		if p.Check != nil {
			all = append(all, p.Check.Text, p.Check.Clause, p.Check.Signature.Signer, p.Check.Signature.Detail)
		}
	}
	return all
}

func TestTextsAreCut(t *testing.T) {
	const maxRule = 32
	for _, c := range []struct{ text, rule, wantText, wantRule int }{
		{ledger.MaxText, maxRule, ledger.MaxText, maxRule}, {ledger.MaxText + 1, maxRule + 1, ledger.MaxText, maxRule}, {0, 0, 0, 0}, {3_000_000, 3_000_000, ledger.MaxText, maxRule},
	} {
		p := wordy("a", c.text)
		p.Rule, p.Check.Rule = strings.Repeat("r", c.rule), strings.Repeat("r", c.rule)
		check := *p.Check
		for what, kept := range map[string][]job.PatchOutcome{
			"reported": ledger.Outcomes{}.Report([]job.PatchOutcome{p}, t0).Reported, "left out": ledger.Outcomes{}.LeaveOut([]job.PatchOutcome{p}).LeftOut,
		} {
			for i, text := range texts(kept) {
				require.Len(t, text, c.wantText, "%s: text %d", what, i)
				require.Equal(t, c.text > ledger.MaxText, strings.HasSuffix(text, "…"))
			}
			require.Len(t, kept[0].Rule, c.wantRule)
			require.Len(t, kept[0].Check.Rule, c.wantRule)
		}
		require.Equal(t, check, *p.Check, "the report is left as it was")
		require.Len(t, p.Text, c.text)
	}
	o := ledger.Outcomes{}.Report([]job.PatchOutcome{outcome("a", job.Succeeded, 0)}, t0)
	require.Nil(t, o.Reported[0].Check, "no check, no text of one")
}

// The texts of one list have 256 KiB together. Only as much is cut as it takes,
// and short texts stay whole.
func TestTextsFitOneRecord(t *testing.T) {
	const most = 256 << 10
	sum := func(list []job.PatchOutcome) (n int) {
		for _, text := range texts(list) {
			n += len(text)
		}
		return n
	}
	list := func(outcomes, size int) (list []job.PatchOutcome) {
		for i := range outcomes {
			p := outcome(fmt.Sprint(i), job.PatchFailed, 9)
			p.Text = strings.Repeat("x", size)
			list = append(list, p)
		}
		return list
	}
	at := ledger.Outcomes{}.Report(list(most/ledger.MaxText, ledger.MaxText), t0).Reported
	require.Equal(t, most, sum(at), "as much as there is room for")
	past := list(most/ledger.MaxText, ledger.MaxText)
	past[0].Name = "x"
	cut := ledger.Outcomes{}.Report(past, t0).Reported
	require.Equal(t, most/2+1, sum(cut), "a byte too much: long texts lose their second half")
	require.Equal(t, "x", cut[0].Name)

	full := list(job.MaxPatches, 100)
	require.Equal(t, full, ledger.Outcomes{}.Report(full, t0).Reported, "a sentence for each of the most patches of an order")

	var worst []job.PatchOutcome
	for i := range job.MaxPatches {
		p := wordy(fmt.Sprintf("vendor-product-%04d", i), 2*ledger.MaxText)
		for _, text := range []*string{&p.Name, &p.Text, &p.Check.Text, &p.Check.Clause, &p.Check.Signature.Signer, &p.Check.Signature.Detail, &p.Rule, &p.Check.Rule} {
			*text = strings.Repeat("\x00", 2*ledger.MaxText)
		}
		worst = append(worst, p)
	}
	o := ledger.Outcomes{}.Report(worst, t0)
	require.LessOrEqual(t, sum(o.Reported), most)
	for _, text := range texts(o.Reported) {
		require.NotEmpty(t, text)
	}
	o = o.LeaveOut(full)
	data, err := json.Marshal(o)
	require.NoError(t, err)
	require.Less(t, len(data), 4<<20, "what a store takes, were every text of control characters alone")
}

// A list of any length ends, and is cut to readable texts.
func TestEndlessListsAreCutToo(t *testing.T) {
	var list []job.PatchOutcome
	for i := range 100_000 {
		p := outcome(fmt.Sprint(i), job.PatchFailed, 9)
		p.Name, p.Text = "a name of it", "a longer text of it"
		list = append(list, p)
	}
	o := ledger.Outcomes{}.Report(list, t0)
	require.Len(t, o.Reported, len(list))
	require.Equal(t, "a nam…", o.Reported[0].Name)
	require.Equal(t, "a lon…", o.Reported[len(list)-1].Text)
}

// The same failures give the same list, in whatever order the asset names them.
func TestFailedIsSorted(t *testing.T) {
	a, b, c := outcome("a", job.PatchFailed, 9), outcome("b", job.PatchFailed, 9), outcome("c", job.PatchFailed, 9)
	for _, list := range [][]job.PatchOutcome{{a, b, c}, {c, b, a}, {b, c, a}} {
		require.Equal(t, []string{"a 0", "b 0", "c 0"}, failed(ledger.Outcomes{}.Report(list, t0)))
	}
	var patches []catalog.PatchID
	for _, f := range (ledger.Outcomes{}).Report([]job.PatchOutcome{c, a, b}, t0).Index(run, asset) {
		patches = append(patches, f.Patch)
	}
	require.Equal(t, []catalog.PatchID{"c", "a", "b"}, patches)
}

// What an asset says of its actions is kept in bounds, and so that it can be shown (JOB-13).
func TestActionsOfAnOrder_JOB13(t *testing.T) {
	var list []job.ActionOutcome
	for range 2*job.MaxActions + 9 {
		list = append(list, job.ActionOutcome{Name: strings.Repeat("n", 9999), Exit: 3, Text: strings.Repeat("\x1b", 9999) + "end"})
	}
	o := ledger.Outcomes{}.Ran(list)
	require.Len(t, o.Actions, 2*job.MaxActions)
	for _, a := range o.Actions {
		require.LessOrEqual(t, len(a.Name), ledger.MaxName)
		require.LessOrEqual(t, len(a.Text), job.MaxOutput)
		require.NotContains(t, a.Text, "\x1b")
		require.True(t, strings.HasSuffix(a.Text, "end"))
		require.Equal(t, 3, a.Exit)
	}
	require.Len(t, list[0].Name, 9999, "the report is not written to")
	require.Empty(t, o.Ran(nil).Actions)
}
