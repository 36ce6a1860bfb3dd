package deadline_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

var day0 = time.Date(2026, 6, 10, 15, 30, 0, 0, time.UTC)

func answer(yes bool) catalog.Answer {
	if yes {
		return catalog.Yes
	}
	return catalog.No
}

// The table as the directive prints it, in all its rows: E exposed, K exploited,
// A automatable, T total impact.
func TestBOD2604_DUE1(t *testing.T) {
	const triage, never = -3, 0
	days := map[string]int{
		"KEAT": triage, "KEaT": triage, "KeAT": triage,
		"KEAt": 3, "kEAT": 3,
		"Keat": 14, "KEat": 14, "KeAt": 14, "KeaT": 14, "kEAt": 14, "kEaT": 14,
		"kEat": 60, "keAt": 60, "keAT": 60,
		"keat": never, "keaT": never,
	}
	require.Len(t, days, 16)
	table := deadline.BOD2604()
	for row, want := range days {
		has := func(letter string) catalog.Answer { return answer(strings.Contains(row, letter)) }
		d := deadline.Decide(table, deadline.Facts{Exploited: has("K"), Automatable: has("A"), TotalImpact: has("T"), Severity: catalog.Low, Published: day0},
			deadline.Asset{Exposed: has("E")}, day0)
		require.Equal(t, want == triage, d.Triage, row)
		if want == never {
			require.Zero(t, d.Due, row)
			continue
		}
		if want < 0 {
			want = -want
		}
		require.Equal(t, time.Date(2026, 6, 10+want+1, 0, 0, 0, 0, time.UTC), d.Due, row)
		require.Contains(t, d.Text, fmt.Sprintf("day %d after its fix was published", want), row)
	}
}

// No built-in table has a row that never matches, or gives a worse case more
// time.
func TestBuiltInTables_DUE1(t *testing.T) {
	for _, table := range []deadline.Table{deadline.BOD2604(), deadline.PCIDSS(), deadline.CyberEssentials()} {
		require.NoError(t, table.Validate(), table.Name)
		require.Empty(t, table.Warnings(), table.Name)
		require.NotEmpty(t, table.Source, table.Name)
		text, err := json.Marshal(table)
		require.NoError(t, err)
		again, err := deadline.Parse(text, time.LoadLocation)
		require.NoError(t, err)
		require.Equal(t, table, again)
	}
	for severity, want := range map[catalog.Severity][2]int{0: {30, 14}, catalog.Unrated: {30, 14}, catalog.Critical: {30, 14}, catalog.High: {90, 14}, catalog.Medium: {90, 0}, catalog.Low: {90, 0}} {
		for i, table := range []deadline.Table{deadline.PCIDSS(), deadline.CyberEssentials()} {
			d := deadline.Decide(table, deadline.Facts{Severity: severity, Published: day0}, deadline.Asset{}, day0)
			require.Equal(t, want[i] == 0, d.Due.IsZero(), "%s %s", table.Name, severity)
			if want[i] > 0 {
				require.Equal(t, time.Date(2026, 6, 10+want[i]+1, 0, 0, 0, 0, time.UTC), d.Due)
			}
		}
	}
}

func TestWarnings_DUE1(t *testing.T) {
	table := deadline.Table{Name: "odd", Anchor: deadline.FromPublished, Rows: []deadline.Row{
		{When: deadline.Condition{Exploited: catalog.Yes}, Days: 30},
		{When: deadline.Condition{Exploited: catalog.Yes, Exposed: catalog.Yes}, Days: 3},
		{When: deadline.Condition{Tag: "lab", Severity: catalog.High}, NextUpgrade: true},
		{Days: 14},
	}}
	require.NoError(t, table.Validate())
	warnings := table.Warnings()
	require.Contains(t, warnings, "rows[1] never matches: the rows before it match all of its cases.")
	require.Contains(t, warnings, "rows[0] gives more time than rows[3] to a case that only differs in being exploited.")
	require.Contains(t, warnings, "rows[2] gives more time than rows[3] to a case that only differs in being of severity high.")
	require.Len(t, warnings, 3)
	require.Empty(t, deadline.Table{}.Warnings())
}

// Whatever is unknown counts as worse, unless the table assumes otherwise, and
// the text says what is assumed.
func TestUnknownFacts_DUE4(t *testing.T) {
	table := deadline.BOD2604()
	d := deadline.Decide(table, deadline.Facts{Published: day0}, deadline.Asset{}, day0)
	require.True(t, d.Triage)
	require.Contains(t, d.Text, "exploited (assumed), exposed (assumed), automatable (assumed), of total impact (assumed), of severity critical (assumed)")
	table.Assume = deadline.Condition{Exploited: catalog.No, Automatable: catalog.No, TotalImpact: catalog.No, Severity: catalog.Low}
	d = deadline.Decide(table, deadline.Facts{Published: day0}, deadline.Asset{}, day0)
	require.Equal(t, 7, d.Row, "a missing exposure counts as exposed")
	require.Contains(t, d.Text, "not exploited (assumed), exposed (assumed)")
	known := deadline.Facts{Exploited: catalog.Yes, Automatable: catalog.Yes, TotalImpact: catalog.Yes, Severity: catalog.Medium, Published: day0}
	d = deadline.Decide(table, known, deadline.Asset{Exposed: catalog.No}, day0)
	require.Equal(t, 1, d.Row)
	require.NotContains(t, d.Text, "assumed")
	// A value from a newer version is unknown, too.
	d = deadline.Decide(deadline.PCIDSS(), deadline.Facts{Severity: 99, Exploited: 77}, deadline.Asset{}, day0)
	require.Equal(t, 0, d.Row)
}

func TestAnchors_DUE2(t *testing.T) {
	published, listed, missing, now := day0, day0.AddDate(0, 0, 5), day0.AddDate(0, 0, -5), day0.AddDate(0, 1, 0)
	all := deadline.Facts{Published: published, Listed: listed}
	for _, c := range []struct {
		anchor deadline.Anchor
		facts  deadline.Facts
		asset  deadline.Asset
		want   time.Time
	}{
		{deadline.FromPublished, all, deadline.Asset{Missing: missing}, published},
		{deadline.FromListed, all, deadline.Asset{Missing: missing}, listed},
		{deadline.FromMissing, all, deadline.Asset{Missing: missing}, missing},
		{deadline.FromEarliest, all, deadline.Asset{Missing: missing}, missing},
		{deadline.FromEarliest, all, deadline.Asset{}, published},
		{deadline.FromListed, deadline.Facts{Published: published}, deadline.Asset{Missing: missing}, published},
		{deadline.FromPublished, deadline.Facts{}, deadline.Asset{Missing: missing}, missing},
		{deadline.FromMissing, all, deadline.Asset{}, now},
		{deadline.FromEarliest, deadline.Facts{}, deadline.Asset{}, now},
	} {
		table := deadline.Table{Name: "one", Anchor: c.anchor, Rows: []deadline.Row{{Days: 1}}}
		d := deadline.Decide(table, c.facts, c.asset, now)
		require.Equal(t, c.want, d.Anchor, "%s %+v", c.anchor, c)
		require.Equal(t, c.want.Equal(now), strings.Contains(d.Text, "no date of it is known"))
	}
}

// A day ends with the day of the table's zone, also where the clock skips
// midnight or shows the hour before it twice.
func TestDaysEndInTheZone_DUE2(t *testing.T) {
	load := func(name string) *time.Location {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		return zone
	}
	for _, c := range []struct {
		zone   *time.Location
		anchor string
		days   int
		want   string
	}{
		{nil, "2026-06-10T23:59:59Z", 1, "2026-06-12T00:00:00Z"},
		{load("America/New_York"), "2026-06-11T03:59:00Z", 3, "2026-06-14T04:00:00Z"},  // still the 10th there
		{load("Europe/Berlin"), "2026-03-28T12:00:00Z", 1, "2026-03-29T22:00:00Z"},     // a day of 23 hours
		{load("America/Sao_Paulo"), "2018-11-02T12:00:00Z", 1, "2018-11-04T03:00:00Z"}, // the 4th begins at 01:00
		{load("Asia/Beirut"), "2022-03-25T12:00:00Z", 1, "2022-03-26T22:00:00Z"},
		{load("Africa/Cairo"), "2023-10-25T12:00:00Z", 1, "2023-10-26T22:00:00Z"}, // the hour before midnight occurs twice
		{time.UTC, "2026-12-30T00:00:00Z", 14, "2027-01-14T00:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.anchor)
		require.NoError(t, err)
		table := deadline.Table{Name: "one", Anchor: deadline.FromPublished, Rows: []deadline.Row{{Days: c.days}}, Zone: c.zone}
		d := deadline.Decide(table, deadline.Facts{Published: at}, deadline.Asset{}, at)
		require.Equal(t, c.want, d.Due.Format(time.RFC3339), "%v", c)
	}
}

// A superseding patch, or one for several vulnerabilities, has the earliest
// deadline.
func TestEarliest_DUE3(t *testing.T) {
	late, soon, none := deadline.Deadline{Due: day0.AddDate(0, 0, 9)}, deadline.Deadline{Due: day0, Duty: "x"}, deadline.Deadline{Table: "no date"}
	require.Equal(t, soon, deadline.Earliest(none, late, soon))
	require.Equal(t, soon, deadline.Earliest(soon, none))
	require.Equal(t, none, deadline.Earliest(none))
	require.Zero(t, deadline.Earliest())
	all := []deadline.Deadline{none, late, soon}
	slices.SortFunc(all, deadline.Deadline.Compare)
	require.Equal(t, []deadline.Deadline{soon, late, none}, all)
}

// A deadline moves later only if a fact changed: not when the clock moves on.
func TestStable_DUE3(t *testing.T) {
	for _, table := range []deadline.Table{deadline.BOD2604(), deadline.PCIDSS(), deadline.CyberEssentials()} {
		f, a := deadline.Facts{Published: day0, Listed: day0.AddDate(0, 0, 2)}, deadline.Asset{Missing: day0.AddDate(0, 0, 3)}
		first := deadline.Decide(table, f, a, day0)
		require.Equal(t, first, deadline.Decide(table, f, a, day0.AddDate(1, 0, 0)))
		better := f
		better.Exploited = catalog.No
		require.GreaterOrEqual(t, deadline.Decide(table, better, a, day0).Compare(first), 0)
	}
}

// The cause is the first that holds, whatever the order they are given in, and
// there is always exactly one.
func TestCauses_DUE5(t *testing.T) {
	d := deadline.Deadline{Due: day0}
	for bits := range 1 << 9 {
		var holds []deadline.Cause
		want := deadline.NoJob
		for c := deadline.NoJob; c >= deadline.NotReached; c-- {
			if bits>>(c-1)&1 == 1 {
				holds, want = append(holds, c), c
			}
		}
		got := d.Status(deadline.Progress{Holds: holds}, 0, day0)
		require.Equal(t, deadline.Status{State: deadline.Overdue, Cause: want}, got)
	}
	require.Equal(t, deadline.NoJob, d.Status(deadline.Progress{Holds: []deadline.Cause{0, 200}}, 0, day0).Cause)
}

func TestStatus_DUE5(t *testing.T) {
	d := deadline.Deadline{Due: day0}
	pending := []deadline.Cause{deadline.PendingReboot}
	for _, c := range []struct {
		name string
		d    deadline.Deadline
		p    deadline.Progress
		now  time.Time
		want deadline.Status
	}{
		{"far", d, deadline.Progress{}, day0.Add(-25 * time.Hour), deadline.Status{State: deadline.Open}},
		{"exactly soon", d, deadline.Progress{}, day0.Add(-24 * time.Hour), deadline.Status{State: deadline.DueSoon}},
		{"just before", d, deadline.Progress{}, day0.Add(-1), deadline.Status{State: deadline.DueSoon}},
		{"at the instant", d, deadline.Progress{}, day0, deadline.Status{State: deadline.Overdue, Cause: deadline.NoJob}},
		{"no date", deadline.Deadline{}, deadline.Progress{Holds: pending}, day0.AddDate(9, 0, 0), deadline.Status{State: deadline.Open}},
		{"gone late", d, deadline.Progress{Gone: day0.Add(time.Hour)}, day0.AddDate(1, 0, 0), deadline.Status{State: deadline.Met, At: day0.Add(time.Hour)}},
		{"gone later than now", d, deadline.Progress{Gone: day0.Add(time.Hour)}, day0, deadline.Status{State: deadline.Overdue, Cause: deadline.NoJob}},
		{"installed, reboot pending", d, deadline.Progress{Holds: pending}, day0, deadline.Status{State: deadline.Overdue, Cause: deadline.PendingReboot}},
	} {
		require.Equal(t, c.want, c.d.Status(c.p, 24*time.Hour, c.now), c.name)
	}
}

func TestExceptions_DUE6(t *testing.T) {
	until := day0.AddDate(0, 1, 0)
	e := deadline.Exception{Owner: "ana", Reason: "the vendor tests it", Until: until, PatchAppears: true, Exploitation: true, ExposureChanges: true,
		Given: deadline.Seen{Exposed: catalog.No}}
	require.NoError(t, e.Validate())
	d := deadline.Deadline{Due: day0}
	status := func(seen deadline.Seen, now time.Time) deadline.Status {
		return d.Status(deadline.Progress{Exception: &e, Now: seen}, 0, now)
	}
	require.Equal(t, deadline.Status{State: deadline.Excepted, At: until}, status(e.Given, day0))
	overdue := deadline.Status{State: deadline.Overdue, Cause: deadline.NoJob}
	require.Equal(t, overdue, status(e.Given, until))
	require.Equal(t, overdue, status(deadline.Seen{Exposed: catalog.No, Patch: true}, day0))
	require.Equal(t, overdue, status(deadline.Seen{Exposed: catalog.No, Exploited: catalog.Yes}, day0))
	require.Equal(t, overdue, status(deadline.Seen{Exposed: catalog.Yes}, day0))
	e.PatchAppears, e.Exploitation, e.ExposureChanges = false, false, false
	require.Equal(t, deadline.Excepted, status(deadline.Seen{Patch: true, Exploited: catalog.Yes}, day0).State)

	err := deadline.Exception{}.Validate()
	bad, is := errors.AsType[*deadline.Invalid](err)
	require.True(t, is)
	require.Len(t, bad.Problems, 3)
}

func TestParse_DUE1(t *testing.T) {
	good := `{"name":"ours","anchor":"earliest","zone":"Europe/Berlin","assume":{"exploited":"no"},
		"rows":[{"when":{"exploited":"yes","severity":"high","tag":"dmz"},"days":3,"triage":true},{"nextUpgrade":true}]}`
	table, err := deadline.Parse([]byte(good), time.LoadLocation)
	require.NoError(t, err)
	require.Equal(t, "Europe/Berlin", table.Zone.String())
	text, err := json.Marshal(table)
	require.NoError(t, err)
	again, err := deadline.Parse(text, time.LoadLocation)
	require.NoError(t, err)
	require.Equal(t, table, again)
	inDMZ := deadline.Decide(table, deadline.Facts{Exploited: catalog.Yes, Published: day0}, deadline.Asset{Tags: []string{"a", "dmz"}}, day0)
	require.True(t, inDMZ.Triage)
	require.Zero(t, deadline.Decide(table, deadline.Facts{Published: day0}, deadline.Asset{Tags: []string{"dmz"}}, day0).Due)

	for _, c := range []struct{ old, new, want string }{
		{`"name":"ours",`, ``, `name: is missing`},
		{`"anchor":"earliest",`, ``, `is not an anchor; want one of published`},
		{`"earliest"`, `"sometimes"`, `want one of published`},
		{`"Europe/Berlin"`, `"Europe/Nowhere"`, `zone "Europe/Nowhere"`},
		{`{"nextUpgrade":true}`, `{"days":9,"nextUpgrade":true}`, `rows[1].days "9": must be 1 to 3650, or left out with nextUpgrade`},
		{`"days":3,`, ``, `rows[0].days`},
		{`"days":3,`, `"days":-3,`, `rows[0].days`},
		{`,{"nextUpgrade":true}`, ``, `rows[0].when: is the condition of the last row`},
		{`{"nextUpgrade":true}`, `{"days":1},{"days":2}`, `rows[1].when: is missing`},
		{`"tag"`, `"tags"`, `unknown field "tags"`},
		{`"name"`, `"name":"twice","name"`, `field "name" is there twice`},
		{`{"exploited":"no"}`, `{"tag":"x"}`, `assume.tag`},
		{good[:len(good)-1], good, `something follows`},
		{`"ours"`, `"` + strings.Repeat("x", deadline.MaxText+1) + `"`, `at most 1000 are allowed`},
		{`"ours"`, `"` + strings.Repeat("x", deadline.MaxJSON) + `"`, `at most 64000 are allowed`},
	} {
		changed := strings.Replace(good, c.old, c.new, 1)
		require.NotEqual(t, good, changed, c.old)
		_, err := deadline.Parse([]byte(changed), time.LoadLocation)
		require.ErrorContains(t, err, c.want)
	}
	tagged := deadline.Table{Name: "tags", Anchor: deadline.FromMissing}
	for i := range deadline.MaxTags + 1 {
		tagged.Rows = append(tagged.Rows, deadline.Row{When: deadline.Condition{Tag: fmt.Sprint(i)}, Days: 1})
	}
	tagged.Rows = append(tagged.Rows, deadline.Row{Days: 2})
	require.ErrorContains(t, tagged.Validate(), "is the number of different tags; at most 6 are allowed")
	require.Zero(t, deadline.Decide(deadline.Table{}, deadline.Facts{}, deadline.Asset{}, day0))
}

func FuzzParse(f *testing.F) {
	for _, table := range []deadline.Table{deadline.BOD2604(), deadline.PCIDSS()} {
		text, err := json.Marshal(table)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := deadline.Parse(text, time.LoadLocation)
		if err != nil {
			return
		}
		_ = table.Warnings()
		d := deadline.Decide(table, deadline.Facts{Published: day0}, deadline.Asset{}, day0)
		if !d.Due.IsZero() && !d.Due.After(day0) {
			t.Fatalf("due %s", d.Due)
		}
		again, err := json.Marshal(table)
		require.NoError(t, err)
		same, err := deadline.Parse(again, time.LoadLocation)
		require.NoError(t, err)
		require.Equal(t, table.Rows, same.Rows)
	})
}
