package schedule

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func day(t testing.TB, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	require.NoError(t, err)
	return d
}

// nights are those of Saturdays, closed over the end of the year, when one night
// passes all the same.
func nights(t testing.TB) Calendar {
	return Calendar{
		Name: "nights", Zone: "Europe/Berlin",
		Openings: []Opening{{When: Schedule{Kind: Weekly, Time: Clock(22, 0), Weekdays: WeekdaysOf(Saturday)}, Length: 8 * time.Hour}},
		Closed:   []Closed{{Name: "year end", Reason: "the books are closed", First: day(t, "2026-12-20"), Last: day(t, "2027-01-02")}},
		Overrides: []Override{{Closed: "year end", By: "ana", Reason: "an exploited hole",
			From: instant(t, "2026-12-26T20:00:00Z"), Until: instant(t, "2026-12-27T08:00:00Z")}},
	}
}

func TestCalendar_CAL1_CAL2(t *testing.T) {
	c, berlin := nights(t), zone(t, "Europe/Berlin")
	require.NoError(t, c.Validate())
	for _, x := range []struct {
		at, until string
		open      bool
		text      string
	}{
		{"2026-12-12T20:59:59Z", "2026-12-12T21:00:00Z", false, `It is outside the openings of calendar "nights"; it opens again at 2026-12-12T21:00:00Z.`},
		{"2026-12-12T21:00:00Z", "2026-12-13T05:00:00Z", true, ""},
		{"2026-12-19T22:59:59Z", "2026-12-19T23:00:00Z", true, ""}, // the 20th begins
		{"2026-12-19T23:00:00Z", "2026-12-26T21:00:00Z", false,
			`Calendar "nights" is closed by "year end" (the books are closed); it opens again at 2026-12-26T21:00:00Z.`},
		{"2026-12-26T20:30:00Z", "2026-12-26T21:00:00Z", false,
			`It is outside the openings of calendar "nights"; it opens again at 2026-12-26T21:00:00Z.`},
		{"2026-12-26T21:00:00Z", "2026-12-27T05:00:00Z", true, ""},
		{"2027-01-02T22:00:00Z", "2027-01-02T23:00:00Z", false,
			`Calendar "nights" is closed by "year end" (the books are closed); it opens again at 2027-01-02T23:00:00Z.`},
		{"2027-01-02T23:00:00Z", "2027-01-03T05:00:00Z", true, ""}, // the rest of the night
	} {
		m := c.At(instant(t, x.at), berlin)
		require.Equal(t, x.open, m.Open, x.at)
		require.Equal(t, instant(t, x.until), m.Until, x.at)
		require.Equal(t, x.text, m.Text, x.at)
	}
}

// The zero calendar is always open. One that needs a zone and gets none is not,
// and one that never opens says so.
func TestCalendarBounds_CAL1_JOB20(t *testing.T) {
	require.Equal(t, Moment{Open: true}, Calendar{}.At(epoch, nil))
	_, ok := Calendar{}.NextClose(epoch, nil)
	require.False(t, ok)

	m := nights(t).At(epoch, nil)
	require.False(t, m.Open)
	require.Equal(t, "JOB-9", m.Rule)
	_, ok = nights(t).NextOpen(epoch, nil)
	require.False(t, ok)
	require.Empty(t, nights(t).Spans(epoch, epoch.AddDate(1, 0, 0), nil))

	instants := Calendar{Name: "x", Closed: []Closed{{Name: "a", Reason: "r", From: epoch, Until: epoch.Add(time.Hour)}}}
	require.NoError(t, instants.Validate())
	require.Equal(t, epoch.Add(time.Hour), instants.At(epoch, nil).Until, "instants need no zone")
	require.True(t, instants.Overridden("row 1", "due", epoch.Add(time.Minute)).At(epoch, nil).Open)
	require.Empty(t, instants.Overrides)

	all := Calendar{Name: "all", Zone: "UTC", Openings: []Opening{{When: Schedule{Kind: Daily, Time: Clock(0, 0)}, Length: 24 * time.Hour}}}
	require.Equal(t, Moment{Open: true}, all.At(epoch, time.UTC), "openings without a break for a year")
	require.Equal(t, []Span{{epoch, epoch.AddDate(0, 2, 0)}}, all.Spans(epoch, epoch.AddDate(0, 2, 0), time.UTC))

	never := Calendar{Name: "never", Zone: "UTC", Openings: []Opening{{When: Schedule{Kind: Daily}, Length: time.Hour}}}
	require.Equal(t, `It is outside the openings of calendar "never"; it does not open again within a year.`, never.At(epoch, time.UTC).Text)
	require.True(t, nights(t).WithoutOpenings().At(epoch, time.UTC).Open)
}

// An opening lasts for its stated length when the clock changes in it, and over
// midnight (CAL-4).
func TestAnOpeningKeepsItsLength_CAL4(t *testing.T) {
	for _, x := range []struct{ zone, from, until string }{
		{"Europe/Berlin", "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z"}, // until 07:00 there
		{"Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T04:00:00Z"}, // until 05:00
		{"Australia/Lord_Howe", "2026-04-04T11:00:00Z", "2026-04-04T19:00:00Z"},
		{"Pacific/Apia", "2011-12-31T08:00:00Z", "2011-12-31T16:00:00Z"},
	} {
		c := nights(t)
		c.Closed = nil
		start := instant(t, x.from)
		require.False(t, c.At(start.Add(-1), zone(t, x.zone)).Open, x.zone)
		require.Equal(t, Moment{Open: true, Until: instant(t, x.until)}, c.At(start, zone(t, x.zone)), x.zone)
	}
}

func TestCalendarValidateFindsEverything_CAL1_CAL2_JOB20(t *testing.T) {
	c := Calendar{
		Zone: "Mars/", Name: "",
		Openings: []Opening{
			{When: Schedule{Kind: OnDemand}, Length: time.Hour},
			{When: Schedule{Kind: Daily, Time: Clock(1, 0), Zone: "UTC"}, Length: time.Second},
			{When: Schedule{Kind: Weekly, Spread: time.Minute}, Length: 169 * time.Hour},
		},
		Closed: []Closed{
			{Name: "a", Reason: "r"},
			{Name: "a", Reason: "", First: day(t, "2026-12-24"), Last: day(t, "2026-12-23")},
			{Name: "b", Reason: "r", From: epoch, Until: epoch},
			{Name: "c", Reason: "r", First: day(t, "2026-12-24"), Last: day(t, "2026-12-24"), From: epoch, Until: epoch.Add(1)},
		},
		Overrides: []Override{{Closed: "z", Until: time.Time{}}},
	}
	bad, is := errors.AsType[*Invalid](c.Validate())
	require.True(t, is)
	var fields []string
	for _, p := range bad.Problems {
		fields = append(fields, p.Field)
	}
	require.Equal(t, []string{"name", "zone", "openings[0].when.kind", "openings[1].when.zone", "openings[1].length", "openings[2].when.time",
		"openings[2].when.weekdays", "openings[2].when.spread", "openings[2].length", "closed[0]", "closed[1].reason", "closed[1].last",
		"closed[1].name", "closed[2].until", "closed[3]", "overrides[0].by", "overrides[0].reason", "overrides[0].closed", "overrides[0].until"}, fields)
	c = nights(t)
	c.Zone = ""
	require.ErrorContains(t, c.Validate(), "zone: is missing")
	many := Calendar{Name: "many", Closed: make([]Closed, 100_000)}
	require.ErrorContains(t, many.Validate(), "are too many; use at most 366")
}

func TestParseCalendar_CAL1(t *testing.T) {
	text, err := json.Marshal(nights(t))
	require.NoError(t, err)
	again, err := ParseCalendar(text)
	require.NoError(t, err)
	require.Equal(t, nights(t), again)
	for _, bad := range []string{``, `[]`, `{"name":"a","name":"b"}`, `{"name":"a","opens":[]}`, `{"name":"a","closed":[{"first":"2026-02-30"}]}`,
		`{"name":null}`, `{"name":"a"} {}`} {
		_, err := ParseCalendar([]byte(bad))
		_, is := errors.AsType[*Invalid](err)
		require.True(t, is, bad)
	}
	_, err = ParseCalendar(make([]byte, MaxCalendarJSON+1))
	require.ErrorContains(t, err, "at most 1000000 are allowed")
	require.Equal(t, "local time(0)", Date(0).String())
}

// Whatever is read is written again in the same way, and answers at any time.
func FuzzParseCalendar_CAL1(f *testing.F) {
	text, err := json.Marshal(nights(f))
	require.NoError(f, err)
	f.Add(text, int64(0))
	f.Add([]byte(`{"name":"a","zone":"UTC","openings":[{"when":{"kind":"monthly by weekday","time":"00:00","nth":"fifth","weekdays":["monday"]},"length":60000000000}]}`), int64(1e9))
	f.Add([]byte(`{"name":"a","closed":[{"name":"b","reason":"c","from":"1970-01-01T00:00:00Z","until":"9998-12-31T00:00:00Z"}]}`), int64(253370764800))
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		c, err := ParseCalendar(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(c)
		require.NoError(t, err)
		again, err := ParseCalendar(text)
		require.NoError(t, err)
		same, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(same))
		now := time.Unix(at, 0)
		m := c.At(now, time.UTC)
		open, ok := c.NextOpen(now, time.UTC)
		if m.Open {
			require.True(t, ok && open.Equal(now))
		} else if ok {
			require.True(t, open.After(now) && c.At(open, time.UTC).Open)
			require.False(t, c.At(open.Add(-1), time.UTC).Open)
		}
		if m.Open && !m.Until.IsZero() {
			require.True(t, m.Until.After(now) && !c.At(m.Until, time.UTC).Open && c.At(m.Until.Add(-1), time.UTC).Open)
		}
	})
}
