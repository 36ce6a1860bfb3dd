package baseline_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/baseline"
)

var day0 = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func day(n int) time.Time { return day0.AddDate(0, 0, n) }

var (
	app      = catalog.Product{ID: "app", Name: "App", Vendor: "acme"}
	security = baseline.Condition{Classes: []catalog.Class{catalog.Security}}
)

func fix(id string, released int) baseline.Fix {
	return baseline.Fix{Patch: catalog.PatchID(id), Class: catalog.Security, Severity: catalog.High, CVEs: []string{"CVE-2026-1"}, Released: day(released)}
}

func TestDecide_APR1_APR2_APR3(t *testing.T) {
	b := baseline.Baseline{
		Name:     "offices",
		Rules:    []baseline.Rule{{When: baseline.Condition{Vendors: []string{"ACME"}, MinSeverity: catalog.Critical}, Delay: 1}, {When: security, Delay: 7}},
		Approved: []catalog.PatchID{"chosen"}, Denied: []catalog.PatchID{"bad", "worse"},
	}
	require.NoError(t, b.Validate())
	bugfix := baseline.Fix{Patch: "bugfix", Class: catalog.Bugfix, Released: day(0)}
	exploited := fix("exploited", 0)
	exploited.Exploited = catalog.Yes
	for _, c := range []struct {
		name   string
		patch  baseline.Fix
		line   []baseline.Fix
		due    time.Time
		now    time.Time
		answer baseline.Answer
		number int
		rule   string
		text   string
	}{
		{"too young", fix("a", 0), nil, time.Time{}, day(7).Add(-1), baseline.Waiting, 2, "APR-2",
			`Rule 2 of baseline "offices" waits until 2026-03-09T06:00:00Z: 7 days after a, the oldest fix of its line, of 2026-03-02T06:00:00Z.`},
		{"old enough", fix("a", 0), nil, time.Time{}, day(7), baseline.Approved, 2, "APR-2",
			`Rule 2 of baseline "offices" allows it since 2026-03-09T06:00:00Z.`},
		{"the line is old enough", fix("b", 6), []baseline.Fix{fix("b", 6), fix("a", 0)}, time.Time{}, day(7), baseline.Approved, 2, "APR-2", ""},
		{"another class of the line does not count", fix("b", 6), []baseline.Fix{bugfix}, time.Time{}, day(7), baseline.Waiting, 2, "APR-2", ""},
		{"no rule", bugfix, []baseline.Fix{fix("a", 0)}, time.Time{}, day(300), baseline.NoRule, 0, "APR-1", `No rule of baseline "offices" is about it.`},
		{"approved by id", fix("chosen", 0), nil, time.Time{}, day(0), baseline.Approved, 0, "APR-1", `Baseline "offices" approves it by its id.`},
		{"denied by id", fix("bad", 0), nil, time.Time{}, day(300), baseline.Denied, 0, "APR-1", `Baseline "offices" denies it by its id.`},
		{"exploited", exploited, nil, time.Time{}, day(0), baseline.Approved, 2, "APR-3",
			`Rule 2 of baseline "offices" allows it at once, because it fixes what is known to be exploited.`},
		{"due when the delay ends", fix("a", 0), nil, day(7), day(0), baseline.Approved, 2, "APR-3",
			`Rule 2 of baseline "offices" allows it at once, because it is due at 2026-03-09T06:00:00Z, and the delay ends at 2026-03-09T06:00:00Z.`},
		{"due after the delay", fix("a", 0), nil, day(7).Add(1), day(0), baseline.Waiting, 2, "APR-2", ""},
	} {
		d := b.Decide(baseline.Request{Product: app, Patch: c.patch, Line: c.line, Due: c.due}, c.now)
		require.Equal(t, c.answer, d.Answer, c.name)
		require.Equal(t, c.number, d.Number, c.name)
		require.Equal(t, c.rule, d.Rule, c.name)
		if c.text != "" {
			require.Equal(t, c.text, d.Text, c.name)
		}
		r, ok := d.Reason()
		require.Equal(t, c.answer == baseline.Approved, ok, c.name)
		require.True(t, ok || r.Code.Blocks() && r.Code != "", c.name)
	}
	b.NoBypass = true
	require.Equal(t, baseline.Waiting, b.Decide(baseline.Request{Product: app, Patch: exploited, Due: day(1)}, day(0)).Answer)
}

// A denial beats whatever approves, in whatever order: its class, its id, its
// exploitation, its deadline.
func TestADenialBeatsEveryApproval_APR1_APR3(t *testing.T) {
	denied := fix("bad", 0)
	denied.Exploited = catalog.Yes
	for _, b := range []baseline.Baseline{
		{Rules: []baseline.Rule{{When: security}}},
		{Rules: []baseline.Rule{{}, {When: security}}},
		{Approved: []catalog.PatchID{"bad"}},
		{Rules: []baseline.Rule{{When: baseline.Condition{Exploited: true}}}, Approved: []catalog.PatchID{"x", "bad"}, NoBypass: true},
		{Rules: []baseline.Rule{{When: security, Delay: 300}}},
	} {
		b.Name, b.Denied = "b", []catalog.PatchID{"other", "bad"}
		require.Equal(t, baseline.Denied, b.Decide(baseline.Request{Product: app, Patch: denied, Due: day(1)}, day(400)).Answer, "%+v", b)
		b.Denied = nil
		require.Equal(t, baseline.Approved, b.Decide(baseline.Request{Product: app, Patch: denied, Due: day(1)}, day(400)).Answer, "%+v", b)
	}
}

func TestMinimumAge_APR2(t *testing.T) {
	b := baseline.Baseline{Name: "b", Rules: []baseline.Rule{{Delay: 2, MinAge: 5, MaxWait: 9}}}
	require.NoError(t, b.Validate())
	for _, c := range []struct{ oldest, newest, until int }{{0, 0, 5}, {0, 1, 6}, {0, 4, 9}, {0, 8, 9}, {0, 30, 9}} {
		d := b.Decide(baseline.Request{Product: app, Patch: fix("new", c.newest), Line: []baseline.Fix{fix("old", c.oldest)}}, day(c.oldest))
		require.Equal(t, day(c.until), d.Until, "%+v", c)
	}
	require.Equal(t, []string{"rules[0] wants a version to be 5 days old, and the next one comes after 4: a fix waits 9 days, the maximum wait."}, b.Warnings(4))
	require.Empty(t, b.Warnings(5))
}

func TestAdmission_APR5(t *testing.T) {
	b := baseline.Baseline{Name: "b", Rules: []baseline.Rule{{}}, Approved: []catalog.PatchID{"chosen"}, Admit: func(r baseline.Request, now time.Time) (catalog.Reason, bool) {
		return catalog.Reason{Code: "ChangeBoard", Rule: "CHG-1", Text: "The change board has not met."}, now.After(day(3))
	}}
	for _, id := range []string{"a", "chosen"} {
		d := b.Decide(baseline.Request{Product: app, Patch: fix(id, 0)}, day(1))
		require.Equal(t, baseline.Decision{Answer: baseline.Denied, Code: "ChangeBoard", Rule: "CHG-1", Text: "The change board has not met."}, d)
		r, ok := d.Reason()
		require.False(t, ok)
		require.True(t, r.Code.Blocks())
		require.Equal(t, baseline.Approved, b.Decide(baseline.Request{Product: app, Patch: fix(id, 0)}, day(4)).Answer)
	}
	text, err := json.Marshal(b)
	require.NoError(t, err)
	require.NotContains(t, string(text), "dmit")
}

func TestReleased_APR4(t *testing.T) {
	for _, c := range []struct{ published, listed, want time.Time }{
		{day(0), day(3), day(0)}, {time.Time{}, day(3), day(3)}, {day(9), day(3), day(3)}, {day(9), time.Time{}, day(9)},
	} {
		require.Equal(t, c.want, baseline.Released(catalog.Former{Published: c.published, Listed: c.listed}))
	}
	unknown := baseline.Fix{Patch: "a", Severity: catalog.Unrated}
	for severity := catalog.Low; severity <= catalog.Critical; severity++ {
		b := baseline.Baseline{Name: "b", Rules: []baseline.Rule{{When: baseline.Condition{MinSeverity: severity}}}}
		require.Equal(t, baseline.NoRule, b.Decide(baseline.Request{Product: app, Patch: unknown}, day(9)).Answer)
	}
}

func TestValidateFindsEverything_APR1_APR2_APR4(t *testing.T) {
	b := baseline.Baseline{
		Rules: []baseline.Rule{
			{Delay: -1, MinAge: 3},
			{Delay: 9, MinAge: 3, MaxWait: 8},
			{When: baseline.Condition{Exploited: true, MinSeverity: catalog.Unrated, Classes: []catalog.Class{9}, Products: []string{""}}, Delay: 3},
			{When: baseline.Condition{CVEs: make([]string, baseline.MaxList+1)}, Delay: 366},
		},
		Approved: []catalog.PatchID{"a", "a"},
	}
	bad, is := errors.AsType[*baseline.Invalid](b.Validate())
	require.True(t, is)
	var fields []string
	for _, p := range bad.Problems {
		fields = append(fields, p.Field)
	}
	require.Equal(t, []string{"name", "rules[0].delay", "rules[0].maxWait", "rules[1].maxWait", "rules[2].delay", "rules[2].when.classes[0]",
		"rules[2].when.minSeverity", "rules[2].when.products[0]", "rules[3].delay", "rules[3].when.cves", "approved[1]"}, fields)
	require.ErrorContains(t, baseline.Baseline{Name: "b"}.Validate(), "nothing would be offered")

	rule := func(c baseline.Condition) baseline.Rule { return baseline.Rule{When: c} }
	both := baseline.Baseline{Name: "b", Rules: []baseline.Rule{
		rule(baseline.Condition{Classes: []catalog.Class{catalog.Security}}), rule(baseline.Condition{Classes: []catalog.Class{catalog.Bugfix}, Vendors: []string{"acme"}}),
		rule(baseline.Condition{Classes: []catalog.Class{catalog.Security, catalog.Bugfix}, Vendors: []string{"Acme"}, MinSeverity: catalog.High}),
	}, Approved: []catalog.PatchID{"x", "y"}, Denied: []catalog.PatchID{"y"}}
	err := both.Validate()
	require.ErrorContains(t, err, "rules[2]: never matches", "two rules match it together")
	require.ErrorContains(t, err, `approved[1] "y": is also denied`)
}

// A rule is refused exactly if no patch out of all that the rules can tell apart
// reaches it.
func TestRulesThatNeverMatch_APR4(t *testing.T) {
	words := []string{"x", "y", "other"}
	rapid.Check(t, func(t *rapid.T) {
		some := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(words[:2]), 0, 2, rapid.ID).Draw(t, label)
		}
		b := baseline.Baseline{Name: "b", NoBypass: true}
		for range rapid.IntRange(1, 5).Draw(t, "rules") {
			b.Rules = append(b.Rules, baseline.Rule{When: baseline.Condition{
				Classes:     rapid.SliceOfNDistinct(rapid.SampledFrom([]catalog.Class{catalog.Security, catalog.Bugfix}), 0, 2, rapid.ID).Draw(t, "classes"),
				MinSeverity: rapid.SampledFrom([]catalog.Severity{0, 0, catalog.High, catalog.Critical}).Draw(t, "severity"),
				Products:    some("products"), Vendors: some("vendors"), CVEs: some("cves"), Exploited: rapid.Bool().Draw(t, "exploited"),
			}})
		}
		reached := make(map[int]bool)
		for _, class := range []catalog.Class{0, catalog.Security, catalog.Bugfix} {
			for _, severity := range []catalog.Severity{0, catalog.High, catalog.Critical} {
				for i := range 27 * 2 {
					p := catalog.Product{ID: catalog.ProductID(words[i%3]), Vendor: words[i/3%3]}
					f := baseline.Fix{Class: class, Severity: severity, CVEs: []string{words[i/9%3]}, Exploited: catalog.Answer(1 + i/27)}
					reached[b.Decide(baseline.Request{Product: p, Patch: f}, day0).Number] = true
				}
			}
		}
		err := b.Validate()
		for i := range b.Rules {
			never := err != nil && slices.ContainsFunc(err.(*baseline.Invalid).Problems, func(p baseline.Problem) bool { return p.Field == fmt.Sprintf("rules[%d]", i) })
			require.Equal(t, !reached[i+1], never, "rule %d of %+v", i+1, b)
		}
	})
}

func TestParse_APR1(t *testing.T) {
	good := `{"name": "offices",
		"rules": [{"when": {"vendors": ["acme"], "minSeverity": "high"}, "delay": 1}, {"when": {"classes": ["security"]}, "delay": 7}],
		"approved": ["tool-2.0.1"], "denied": ["driver-9.1"]}`
	b, err := baseline.Parse([]byte(good))
	require.NoError(t, err)
	require.Equal(t, 7, b.Rules[1].Worst())
	for _, bad := range []string{``, `{"name":"a","rule":[]}`, `{"name":"a","rules":[{"delay":1,"delay":2}]}`, `{"name":"a","rules":null}`, `{"name":"a"}`} {
		_, err := baseline.Parse([]byte(bad))
		_, is := errors.AsType[*baseline.Invalid](err)
		require.True(t, is, bad)
	}
	_, err = baseline.Parse(make([]byte, baseline.MaxJSON+1))
	require.ErrorContains(t, err, "at most 4000000 are allowed")
}

// Whatever is read is written again in the same way.
func FuzzParse_APR1(f *testing.F) {
	f.Add([]byte(`{"name":"a","rules":[{"when":{"classes":["driver"],"minSeverity":"low","products":["x"],"cves":["CVE-1"],"exploited":true}}],"denied":["y"]}`))
	f.Add([]byte(`{"name":"a","rules":[{"delay":1,"minAge":3,"maxWait":9}],"noBypass":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := baseline.Parse(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(b)
		require.NoError(t, err)
		again, err := baseline.Parse(text)
		require.NoError(t, err)
		same, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(same))
		require.NotZero(t, b.Decide(baseline.Request{Product: app, Patch: fix("x", 0)}, day0).Answer)
	})
}
