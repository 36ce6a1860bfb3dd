package jsonfeed

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// Documents of an enemy cost no more than a small multiple of their length.
func TestHostileDocuments_CAT16(t *testing.T) {
	size := 1 << 20
	if testing.Short() {
		size >>= 4
	}
	list := func(record string) string {
		return `{"format":1,"patches":[` + strings.TrimSuffix(strings.Repeat(record+",", min(MaxRecords, size/len(record)-1)), ",") + `]}`
	}
	members := strings.Builder{}
	for i := range MaxRecord / 12 {
		fmt.Fprintf(&members, `"%d":0,`, i)
	}
	for name, c := range map[string]struct{ text, problem string }{
		"tiny bad records":     {list(`{}`), ""},
		"nulls":                {list(`null`), ""},
		"numbers":              {list(`7`), ""},
		"unknown members":      {list(`{"` + strings.Repeat("x", 1000) + `":0}`), ""},
		"duplicates":           {list(`{"id":"x","product":"p","version":"semver:1.0.0"}`), ""},
		"too many records":     {`{"format":1,"patches":[` + strings.Repeat("0,", MaxRecords) + `0]}`, "more than 262144 records"},
		"one deep record":      {list(strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)), ""},
		"deep beyond reason":   {`{"format":1,"patches":[` + strings.Repeat("[", size), "exceeded max depth"},
		"deep from the start":  {strings.Repeat("[", size), "does not begin with"},
		"a giant string":       {`{"format":1,"patches":[{"id":"` + strings.Repeat("x", size) + `"}]}`, ""},
		"a giant member":       {`{"format":1,"` + strings.Repeat("x", size) + `":0}`, "unknown field"},
		"a giant number":       {`{"format":1,"patches":[{"id":"x","severity":` + strings.Repeat("9", size) + `}]}`, ""},
		"a giant format":       {`{"format":` + strings.Repeat("9", size) + `}`, "cannot unmarshal"},
		"many members":         {`{"format":1,"patches":[{` + strings.TrimSuffix(members.String(), ",") + `}]}`, ""},
		"many bad artifacts":   {`{"format":1,"patches":[{"id":"x","product":"p","version":"semver:1.0.0","artifacts":[` + strings.TrimSuffix(strings.Repeat(`{},`, 60), ",") + `]}]}`, ""},
		"it ends in a record":  {`{"format":1,"patches":[` + strings.Repeat("{},", 1000) + `{"id":`, "ends too early"},
		"many bad after a cap": {`{"format":1,"products":[` + strings.Repeat("0,", 2000) + `0],"patches":[0]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b, err := Parse("acme", []byte(c.text))
			runtime.ReadMemStats(&after)
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				require.Less(t, len(err.Error()), 1000)
			} else {
				require.NoError(t, err)
				require.NotEmpty(t, b.Rejected)
			}
			require.LessOrEqual(t, len(b.Rejected), fetch.MaxRejected+1)
			kept := 0
			for _, r := range b.Rejected {
				require.Equal(t, catalog.FeedID("acme"), r.Feed)
				require.LessOrEqual(t, len(r.Reasons), fetch.MaxReasons+1)
				for _, reason := range r.Reasons {
					require.LessOrEqual(t, len(reason), fetch.MaxReason+len("…"))
					kept += len(reason)
				}
			}
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<20+1000*len(c.text)), "bytes allocated on the way")
			t.Logf("%d bytes: %d MiB allocated on the way, %d rejected, %d bytes of reasons", len(c.text), (after.TotalAlloc-before.TotalAlloc)>>20, len(b.Rejected), kept)
		})
	}
}

// What is not named is counted.
func TestRejectionsAreCounted_CAT16(t *testing.T) {
	_, _, rejected, err := parse(`{"format":1,"patches":[` + strings.Repeat("{},", fetch.MaxRejected+41) + `{"id":"good","product":"p","version":"semver:1.0.0"}]}`)
	require.NoError(t, err)
	require.Len(t, rejected, fetch.MaxRejected+1)
	require.Equal(t, "41 more records", rejected[fetch.MaxRejected].Record)
}

// No member is there twice, on any level and in any case that encoding/json takes for the same.
func TestRepeatedMembers_CAT16(t *testing.T) {
	for text, want := range map[string]string{
		`{"format":1,"format":1}`:                "is there twice",
		`{"format":1,"patches":[],"patches":[]}`: "is there twice",
		`{"format":1,"Format":1}`:                "unknown field",
		`{"format":1,"PATCHES":[]}`:              "unknown field",
	} {
		_, _, _, err := parse(text)
		require.ErrorContains(t, err, want, text)
	}
	for _, record := range []string{
		`{"id":"x","id":"x","product":"p","version":"semver:1.0.0"}`,
		`{"id":"x","ID":"y","product":"p","version":"semver:1.0.0"}`,
		`{"id":"x","product":"p","version":"semver:1.0.0","\u0069d":"y"}`,
		`{"id":"x","product":"p","version":"semver:1.0.0","ver\u017fion":"semver:2.0.0"}`,
		`{"id":"x","product":"p","version":"semver:1.0.0","artifacts":[{"name":"a","availability":"Repository","url":"https://a.example/","URL":"https://b.example/"}]}`,
		`{"id":"x","product":"p","version":"semver:1.0.0","requires":[{"patch":"a","patch":"b"}]}`,
	} {
		_, patches, rejected, err := parse(`{"format":1,"patches":[` + record + `]}`)
		require.NoError(t, err)
		require.Empty(t, patches)
		require.Len(t, rejected, 1)
		require.Contains(t, rejected[0].Record, "patch ")
		require.Contains(t, rejected[0].Reasons[0], "is there twice", record)
	}
	_, _, rejected, err := parse(`{"format":1,"products":[{"id":"p","name":"P","platform":"linux","scheme":"semver","lines":[{"prefix":"1","Prefix":"2"}]}]}`)
	require.NoError(t, err)
	require.Len(t, rejected, 1)
	require.Equal(t, "product p", rejected[0].Record)
}

func TestDated_CAT2(t *testing.T) {
	b, err := Parse("acme", []byte(`{"format":1,"dated":"2026-01-02T15:04:05+02:00"}`))
	require.NoError(t, err)
	want := time.Date(2026, 1, 2, 13, 4, 5, 0, time.UTC)
	require.Equal(t, want, b.Dated)
	data, err := Marshal(b)
	require.NoError(t, err)
	again, err := Parse("acme", data)
	require.NoError(t, err)
	require.Equal(t, b.Dated, again.Dated)
	for _, bad := range []string{`"2026-01-02"`, `7`, `"soon"`, `""`, `{}`, `"2026-13-01T00:00:00Z"`} {
		_, err := Parse("acme", []byte(`{"format":1,"dated":`+bad+`}`))
		require.ErrorContains(t, err, "dated: ", bad)
	}
	_, url := serve(t, `{"format":1,"dated":"2026-01-02T13:04:05Z"}`, "")
	f := feed(t, url, Options{})
	b, err = f.Fetch(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, b.Dated)
}

func TestLineThatEndedWithoutDate_CAT11(t *testing.T) {
	products, _, rejected, err := parse(`{"format":1,"products":[{"id":"p","name":"P","platform":"linux","scheme":"semver","lines":[
		{"prefix":"1","eol":true},{"prefix":"2","eol":false},{"prefix":"3","eol":"2026-01-01"},{"prefix":"4"}]}]}`)
	require.NoError(t, err)
	require.Empty(t, rejected)
	require.Equal(t, []catalog.Line{{Prefix: "1", Over: true}, {Prefix: "2"}, {Prefix: "3", EOL: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}, {Prefix: "4"}}, products[0].Lines)
	again(t, catalog.Batch{Feed: "acme", Products: products})
	for _, bad := range []string{`"true"`, `1`, `"soon"`, `[]`} {
		_, _, rejected, err := parse(`{"format":1,"products":[{"id":"p","name":"P","platform":"linux","scheme":"semver","lines":[{"prefix":"1","eol":` + bad + `}]}]}`)
		require.NoError(t, err)
		require.Len(t, rejected, 1, bad)
	}
}
