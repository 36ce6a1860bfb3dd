package schedule

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func faults(s Schedule) (fields []string) {
	if invalid, ok := errors.AsType[*Invalid](s.Validate()); ok {
		for _, p := range invalid.Problems {
			fields = append(fields, p.Field)
		}
	}
	return fields
}

func TestSchedulesAreRefusedWithEveryFault_JOB20(t *testing.T) {
	daily := Schedule{Kind: Daily, Time: Clock(0, 0), Zone: "Europe/Berlin"}
	with := func(change func(*Schedule)) Schedule { s := daily; change(&s); return s }
	for name, c := range map[string]struct {
		s    Schedule
		want []string
	}{
		"nothing":                  {Schedule{}, []string{"kind"}},
		"an unknown kind":          {Schedule{Kind: PatchTuesday + 1}, []string{"kind"}},
		"on demand":                {Schedule{Kind: OnDemand}, nil},
		"on demand, with all":      {Schedule{OnDemand, epoch, 1, 1, "UTC", 1, 1, 1, 1, 0}, []string{"at", "local", "time", "zone", "weekdays", "nth", "day", "offset"}},
		"once":                     {Schedule{Kind: Once, At: epoch}, nil},
		"once, no start":           {Schedule{Kind: Once}, []string{"at"}},
		"once, too early":          {Schedule{Kind: Once, At: time.Unix(-1, 0)}, []string{"at"}},
		"once, too late":           {Schedule{Kind: Once, At: time.Unix(1<<40, 0)}, []string{"at"}},
		"once, local":              {Schedule{Kind: Once, Local: firstDay * dayMinutes, Zone: AssetZone}, nil},
		"once, local, too early":   {Schedule{Kind: Once, Local: firstDay*dayMinutes - 1, Zone: "UTC"}, []string{"local"}},
		"once, local, last":        {Schedule{Kind: Once, Local: lastTime, Zone: "UTC"}, nil},
		"once, local, too late":    {Schedule{Kind: Once, Local: lastTime + 1, Zone: "UTC"}, []string{"local"}},
		"once, local, no zone":     {Schedule{Kind: Once, Local: lastTime}, []string{"zone"}},
		"once, twice":              {Schedule{Kind: Once, At: epoch, Local: lastTime, Zone: "UTC"}, []string{"at"}},
		"once, an instant's zone":  {Schedule{Kind: Once, At: epoch, Zone: "UTC"}, []string{"at", "local"}},
		"daily":                    {daily, nil},
		"daily, all missing":       {Schedule{Kind: Daily}, []string{"time", "zone"}},
		"daily, at a weekday":      {with(func(s *Schedule) { s.Weekdays = WeekdaysOf(Monday) }), []string{"weekdays"}},
		"daily, three faults":      {with(func(s *Schedule) { s.Time, s.Zone, s.Spread = 1441, "../etc", -1 }), []string{"time", "zone", "spread"}},
		"weekly, all missing":      {Schedule{Kind: Weekly}, []string{"time", "zone", "weekdays"}},
		"weekly, not a day":        {with(func(s *Schedule) { s.Kind, s.Weekdays = Weekly, WeekdaysOf(Monday, 8) }), []string{"weekdays"}},
		"weekly":                   {with(func(s *Schedule) { s.Kind, s.Weekdays = Weekly, WeekdaysOf(weekdays.All()...) }), nil},
		"by day, all missing":      {Schedule{Kind: MonthlyDay}, []string{"time", "zone", "day"}},
		"by day, 1":                {with(func(s *Schedule) { s.Kind, s.Day = MonthlyDay, 1 }), nil},
		"by day, 31":               {with(func(s *Schedule) { s.Kind, s.Day = MonthlyDay, 31 }), nil},
		"by day, 32":               {with(func(s *Schedule) { s.Kind, s.Day = MonthlyDay, 32 }), []string{"day"}},
		"by day, -1":               {with(func(s *Schedule) { s.Kind, s.Day = MonthlyDay, -1 }), []string{"day"}},
		"last day":                 {with(func(s *Schedule) { s.Kind = MonthlyLast }), nil},
		"last day, with a day":     {with(func(s *Schedule) { s.Kind, s.Day = MonthlyLast, 31 }), []string{"day"}},
		"by weekday, all missing":  {Schedule{Kind: MonthlyWeekday}, []string{"time", "zone", "weekdays", "nth"}},
		"by weekday":               {with(func(s *Schedule) { s.Kind, s.Nth, s.Weekdays = MonthlyWeekday, Fifth, WeekdaysOf(Sunday) }), nil},
		"by weekday, two":          {with(func(s *Schedule) { s.Kind, s.Nth, s.Weekdays = MonthlyWeekday, Last, WeekdaysOf(Sunday, Monday) }), []string{"weekdays"}},
		"by weekday, sixth":        {with(func(s *Schedule) { s.Kind, s.Nth, s.Weekdays = MonthlyWeekday, 7, WeekdaysOf(Sunday) }), []string{"nth"}},
		"patch tuesday, missing":   {Schedule{Kind: PatchTuesday}, []string{"time", "zone"}},
		"patch tuesday":            {with(func(s *Schedule) { s.Kind = PatchTuesday }), nil},
		"patch tuesday +27":        {with(func(s *Schedule) { s.Kind, s.Offset = PatchTuesday, MaxOffset }), nil},
		"patch tuesday -27":        {with(func(s *Schedule) { s.Kind, s.Offset = PatchTuesday, -MaxOffset }), nil},
		"patch tuesday +28":        {with(func(s *Schedule) { s.Kind, s.Offset = PatchTuesday, MaxOffset+1 }), []string{"offset"}},
		"patch tuesday -28":        {with(func(s *Schedule) { s.Kind, s.Offset = PatchTuesday, -MaxOffset-1 }), []string{"offset"}},
		"an offset from every day": {with(func(s *Schedule) { s.Offset = 1 }), []string{"offset"}},
		"the computer's own zone":  {with(func(s *Schedule) { s.Zone = "Local" }), []string{"zone"}},
		"the longest spread":       {with(func(s *Schedule) { s.Spread = MaxSpread }), nil},
		"a longer one":             {with(func(s *Schedule) { s.Spread = MaxSpread + time.Second }), []string{"spread"}},
		"half a second":            {with(func(s *Schedule) { s.Spread = 1500 * time.Millisecond }), []string{"spread"}},
	} {
		require.Equal(t, c.want, faults(c.s), name)
	}
}

// Strict in, canonical out: what is written is read again, and written the same.
func TestSchedulesInJSON_JOB9(t *testing.T) {
	for text, want := range map[string]Schedule{
		`{"kind":"on demand"}`:                                      {Kind: OnDemand},
		`{"kind":"once","at":"2026-03-02T00:00:00Z"}`:               {Kind: Once, At: instant(t, "2026-03-02T00:00:00Z")},
		`{"kind":"once","local":"2026-03-29T02:30","zone":"asset"}`: {Kind: Once, Local: local(t, "2026-03-29T02:30"), Zone: AssetZone},
		`{"kind":"daily","time":"00:00","zone":"UTC","spread":60000000000}`: {Kind: Daily, Time: Clock(0, 0), Zone: "UTC",
			Spread: time.Minute},
		`{"kind":"weekly","time":"23:59","zone":"UTC","weekdays":["monday","wednesday","sunday"]}`: {Kind: Weekly, Time: Clock(23, 59),
			Zone: "UTC", Weekdays: WeekdaysOf(Sunday, Monday, Wednesday)},
		`{"kind":"monthly by weekday","time":"02:30","zone":"UTC","weekdays":["saturday"],"nth":"last"}`: {Kind: MonthlyWeekday,
			Time: Clock(2, 30), Zone: "UTC", Weekdays: WeekdaysOf(Saturday), Nth: Last},
		`{"kind":"monthly by day","time":"02:30","zone":"UTC","day":31}`:    {Kind: MonthlyDay, Time: Clock(2, 30), Zone: "UTC", Day: 31},
		`{"kind":"monthly on the last day","time":"02:30","zone":"UTC"}`:    {Kind: MonthlyLast, Time: Clock(2, 30), Zone: "UTC"},
		`{"kind":"patch tuesday","time":"02:30","zone":"UTC","offset":-27}`: {Kind: PatchTuesday, Time: Clock(2, 30), Zone: "UTC", Offset: -27},
	} {
		written, err := json.Marshal(want)
		require.NoError(t, err)
		require.Equal(t, text, string(written))
		var read Schedule
		require.NoError(t, json.Unmarshal(written, &read))
		require.True(t, want.Equal(read) && read == want, text)
		require.Empty(t, faults(read), text)
	}
	var read Schedule
	require.NoError(t, json.Unmarshal([]byte(`{"weekdays":["sunday","monday"]}`), &read))
	require.Equal(t, WeekdaysOf(Monday, Sunday), read.Weekdays, "any order may be read")
	for _, text := range []string{
		`{"time":"2:30"}`, `{"time":"24:00"}`, `{"time":"02:60"}`, `{"time":"02:30:00"}`, `{"time":" 02:30"}`, `{"time":150}`, `{"time":"0230"}`,
		`{"local":"2026-02-30T02:30"}`, `{"local":"2026-03-29T02:30Z"}`, `{"local":"2026-03-29 02:30"}`, `{"local":"1970-12-31T23:59"}`,
		`{"local":"9999-01-01T00:00"}`, `{"local":"2026-3-29T02:30"}`, `{"local":"2026-03-29T2:30"}`, `{"local":1}`,
		`{"weekdays":["monday","monday"]}`, `{"weekdays":["Monday"]}`, `{"weekdays":[""]}`, `{"weekdays":"monday"}`, `{"weekdays":[1]}`,
		`{"weekdays":null}`, `{"nth":"sixth"}`, `{"nth":1}`, `{"kind":"hourly"}`, `{"spread":"1h"}`, `{"day":"31"}`, `{"offset":0.5}`,
	} {
		require.Error(t, json.Unmarshal([]byte(text), &Schedule{}), text)
	}
	for _, s := range []Schedule{{Time: 1441}, {Local: 1}, {Local: lastTime + 1}, {Weekdays: WeekdaysOf(0)}, {Weekdays: 255}, {Nth: 7}, {Kind: 9}} {
		_, err := json.Marshal(s)
		require.Error(t, err, "%+v", s)
	}
}

func TestEqualSchedules_JOB9(t *testing.T) {
	s := Schedule{Kind: Once, At: epoch}
	require.True(t, s.Equal(Schedule{Kind: Once, At: epoch.In(time.FixedZone("x", 3600))}))
	require.False(t, s.Equal(Schedule{Kind: Once, At: epoch.Add(1)}))
	require.False(t, s.Equal(Schedule{Kind: Once, At: epoch, Spread: 1}))
}

func TestScheduleWords(t *testing.T) {
	for _, d := range weekdays.All() {
		require.True(t, WeekdaysOf(d).Has(d))
		require.Equal(t, []Weekday{d}, WeekdaysOf(d).List())
	}
	require.Equal(t, "monday, sunday", WeekdaysOf(Sunday, Monday, Sunday).String())
	require.Equal(t, "weekdays(129)", WeekdaysOf(Monday, 0).String())
	require.False(t, Weekdays(255).Has(8) || Weekdays(255).Has(0))
	require.Equal(t, "02:05", Clock(2, 5).String())
	require.Equal(t, "time of day(0)", Clock(24, 0).String())
	require.Zero(t, Clock(0, 60)+Clock(-1, 0)+Clock(0, -1))
	require.Equal(t, "local time(0)", LocalTime(0).String())
	for _, unset := range []interface{ MarshalText() ([]byte, error) }{TimeOfDay(0), LocalTime(0)} {
		text, err := unset.MarshalText()
		require.NoError(t, err)
		require.Empty(t, text)
	}
	clock, at := Clock(2, 30), LocalTime(lastTime)
	require.NoError(t, clock.UnmarshalText(nil))
	require.NoError(t, at.UnmarshalText(nil))
	require.Zero(t, clock)
	require.Zero(t, at)
}

func TestAPastStartIsNamed_JOB20(t *testing.T) {
	invalid, ok := errors.AsType[*Invalid](Schedule{Kind: Once, At: epoch}.Past(epoch))
	require.True(t, ok)
	require.Equal(t, []problem.Problem{
		{Field: "at", Value: "2026-03-02T06:00:00Z", Text: "is past; choose a later start, or run the job on demand (JOB-20)"},
	}, invalid.Problems)
	require.NoError(t, Schedule{Kind: Once, At: epoch}.Past(epoch.Add(-1)))
	require.NoError(t, Schedule{Kind: Daily, Time: Clock(0, 0), Zone: "UTC"}.Past(epoch))
}

func TestZoneNames_JOB20(t *testing.T) {
	for _, s := range []string{"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "America/Port-au-Prince", "EST5EDT",
		strings.Repeat("a", MaxZone)} {
		require.NoError(t, ValidZone(s), s)
	}
	for _, s := range []string{"", "Local", "asset", "/etc/passwd", "../UTC", "Europe//Berlin", "Europe/", "Europe/Berlin ", "Zürich",
		"Europe\\Berlin", ".", "a.b", "UTC\x00", strings.Repeat("a", MaxZone+1)} {
		var invalid *Invalid
		require.True(t, errors.As(ValidZone(s), &invalid), "%q", s)
	}
}

// FuzzTimes: a text is refused, or it is the one text of one value.
func FuzzTimes(f *testing.F) {
	for _, s := range []string{"", "02:30", "23:59", "24:00", "2:30", "2026-03-29T02:30", "2024-02-29T00:00", "2026-02-29T00:00", "9998-12-31T23:59", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clock, err := ParseTimeOfDay(s)
		if err == nil {
			require.True(t, clock.valid())
			require.Equal(t, s, clock.String())
		} else {
			require.Zero(t, clock)
		}
		at, err := ParseLocalTime(s)
		if err == nil {
			require.True(t, at.valid())
			require.Equal(t, s, at.String())
			require.Equal(t, s+":00Z", at.In(time.UTC).Format(time.RFC3339))
		} else {
			require.Zero(t, at)
		}
	})
}

// FuzzSchedule: whatever is read is written again as the same schedule; if it
// is valid it can be asked for its runs, and each search ends.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{`{}`, `{"kind":"daily","time":"00:00","zone":"UTC"}`, `{"kind":"weekly","time":"02:30","zone":"asset","weekdays":["sunday","monday"]}`,
		`{"kind":"patch tuesday","time":"02:30","zone":"Europe/Berlin","offset":27,"spread":1000000000}`, `{"kind":"once","at":"2026-03-02T00:00:00+01:00"}`} {
		f.Add([]byte(s), int64(1_800_000_000))
	}
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, text []byte, at int64) {
		var s Schedule
		if json.Unmarshal(text, &s) != nil {
			return
		}
		if written, err := json.Marshal(s); err == nil {
			var again Schedule
			require.NoError(t, json.Unmarshal(written, &again))
			require.True(t, s.Equal(again), "%s", written)
		}
		now := time.Unix(at, 0)
		next, ok := s.NextIn(time.Time{}, now, berlin)
		if ok {
			require.Empty(t, faults(Schedule{Kind: s.Kind, At: s.At, Local: s.Local, Time: s.Time, Zone: s.Zone, Weekdays: s.Weekdays,
				Nth: s.Nth, Day: s.Day, Offset: s.Offset}))
			require.True(t, next.Start.After(now))
		}
		if prev, ok := s.PrevIn(time.Time{}, now, berlin); ok {
			require.False(t, prev.Start.After(now))
		}
	})
}
