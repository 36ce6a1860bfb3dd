package eolfeed

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// The same releases in the three forms.
const (
	product = `{"schema_version":"1.2.1","generated_at":"2026-08-22T11:12:34+02:00","last_modified":"2026-08-20T09:00:00+00:00",
		"result":{"name":"acme","labels":{"eol":"Security Support"},"releases":[
		{"name":"12","codename":"Owl","releaseDate":"2023-06-10","isLts":false,"ltsFrom":null,"isEol":true,"eolFrom":"2026-06-10",
		 "isEoes":false,"eoesFrom":"2028-06-30","isMaintained":true,"latest":{"name":"12.11","date":null,"link":null},"custom":null},
		{"name":"11","isEol":true,"eolFrom":null,"isEoes":true,"eoesFrom":null},
		{"name":"13","isEol":false,"eolFrom":null}]}}`
	cycles = `[{"cycle":"12","codename":"Owl","eol":"2026-06-10","support":"2025-01-01","extendedSupport":"2028-06-30","lts":false},
		{"cycle":"11","eol":true,"extendedSupport":false},{"cycle":"13","eol":false,"extendedSupport":true}]`
	releases = `{"releases":{"12":{"name":"12","eol":"2026-06-10","eoas":"2025-01-01","eoes":"2028-06-30"},"11":{"name":"11","eol":true},
		"13":{"name":"13","eol":false}},"versions":{"12.11":{"name":"12.11","date":"2026-01-01"}}}`
)

func read(t *testing.T, document string) catalog.Batch {
	t.Helper()
	b, err := parse("eol", []byte(document), []catalog.ProductID{"acme/*"})
	require.NoError(t, err)
	return b
}

func line(t *testing.T, b catalog.Batch, prefix string) catalog.Line {
	t.Helper()
	for _, l := range b.Lines[0].Lines {
		if l.Prefix == prefix {
			return l
		}
	}
	require.Failf(t, "no line", "prefix %s", prefix)
	return catalog.Line{}
}

func midnight(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// A date means the end of its day. Extended support is data and moves nothing,
// and neither does isMaintained.
func TestTheThreeFormsMeanTheSame_CAT11_CAT12_CAT13(t *testing.T) {
	for name, document := range map[string]string{"version 1": product, "older": cycles, "release data": releases} {
		t.Run(name, func(t *testing.T) {
			b := read(t, document)
			require.Empty(t, b.Rejected)
			require.Len(t, b.Lines, 1)
			require.Equal(t, catalog.ProductID("acme/*"), b.Lines[0].Product)
			require.ElementsMatch(t, []catalog.Line{
				{Prefix: "11", Over: true},
				{Prefix: "12", EOL: midnight(2026, 6, 11), Extended: midnight(2028, 7, 1)},
				{Prefix: "13"},
			}, b.Lines[0].Lines)
			if name == "version 1" {
				require.Equal(t, time.Date(2026, 8, 22, 9, 12, 34, 0, time.UTC), b.Dated)
			} else {
				require.Zero(t, b.Dated)
			}
		})
	}
}

func TestTheDateDecides_CAT13(t *testing.T) {
	for name, c := range map[string]struct {
		release string
		ended   bool // on 2026-06-01
	}{
		"false, the date is past":      {`"isEol":false,"eolFrom":"2026-05-31"`, true},
		"true, the date is to come":    {`"isEol":true,"eolFrom":"2026-06-01"`, false},
		"only a date":                  {`"eolFrom":"2026-05-31"`, true},
		"true":                         {`"isEol":true`, true},
		"false":                        {`"isEol":false,"eolFrom":null`, false},
		"extended support goes on":     {`"isEol":true,"eolFrom":"2026-05-31","eoesFrom":"2030-01-01","isMaintained":true`, true},
		"extended support is over":     {`"isEol":false,"isEoes":true,"eoesFrom":"2020-01-01","isMaintained":false`, false},
		"an instant, in another zone":  {`"eolFrom":"2026-06-01T01:00:00+02:00"`, true},
		"older API: extended for ever": {`"eol":true,"extendedSupport":true`, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := read(t, `[{"name":"1",`+c.release+`}]`)
			require.Empty(t, b.Rejected)
			require.Equal(t, c.ended, line(t, b, "1").Ended(midnight(2026, 6, 1)))
		})
	}
}

// What cannot be read is rejected with every reason, and the rest is kept.
func TestBadReleases_CAT16(t *testing.T) {
	for name, c := range map[string]struct {
		release string
		reasons []string
	}{
		"silent":           {`{"name":"2","releaseDate":"2026-01-01"}`, []string{"says nothing about its end"}},
		"nulls":            {`{"name":"2","isEol":null,"eolFrom":null}`, []string{"says nothing about its end"}},
		"a false date":     {`{"name":"2","eol":"2026-02-30"}`, []string{`"2026-02-30" is neither a date`}},
		"words":            {`{"name":"2","eol":"soon","isEol":true}`, []string{`"soon" is neither`}},
		"a number":         {`{"name":"2","eol":20260101}`, []string{"20260101 is no date, and not true or false"}},
		"an object":        {`{"name":"2","eol":{}}`, []string{"{} is no date"}},
		"three faults":     {`{"name":"","eol":"soon","eoes":7}`, []string{`"soon"`, "7 is no date", "prefix is empty"}},
		"year 0":           {`{"name":"2","eol":"0000-01-01"}`, []string{"in the year 0"}},
		"no name":          {`{"eol":true}`, []string{"prefix is empty"}},
		"a number as name": {`{"cycle":2,"eol":true}`, []string{"an object with a name"}},
		"a list":           {`[]`, []string{"an object with a name"}},
		"a long name":      {`{"name":"` + strings.Repeat("2", 300) + `","eol":true}`, []string{"300 bytes"}},
		"control bytes":    {`{"name":"2\u0007","eol":true}`, []string{"control characters"}},
		"there twice":      {`{"name":"1","eol":false}`, []string{"more than once"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := read(t, `[{"name":"1","eol":"2026-01-01"},`+c.release+`,{"name":"3","eol":true}]`)
			require.Len(t, b.Rejected, 1)
			require.Equal(t, catalog.FeedID("eol"), b.Rejected[0].Feed)
			require.Contains(t, b.Rejected[0].Record, "release number 2")
			require.Len(t, b.Rejected[0].Reasons, len(c.reasons), "%q", b.Rejected[0].Reasons)
			for i, reason := range c.reasons {
				require.Contains(t, b.Rejected[0].Reasons[i], reason)
			}
			require.Len(t, b.Lines[0].Lines, 2)
			require.Equal(t, midnight(2026, 1, 2), line(t, b, "1").EOL)
			require.True(t, line(t, b, "3").Over)
		})
	}
}

// The end of a shorter line is not the end of a release that cannot be read.
func TestABadReleaseIsNotOnAShorterLine_CAT11(t *testing.T) {
	b := read(t, `[{"name":"1.1.1","eol":"soon"},{"name":"1","eol":true},{"name":"2.1"},{"name":"2.1","eol":7},{"name":"1.1.1\u0007","eol":true}]`)
	require.Len(t, b.Rejected, 4)
	require.ElementsMatch(t, []catalog.Line{{Prefix: "1", Over: true}, {Prefix: "1.1.1"}}, b.Lines[0].Lines)
}

func TestBadDocuments_CAT16(t *testing.T) {
	many := strings.Repeat(`{"eol":true},`, MaxReleases)
	for name, c := range map[string]struct{ document, problem string }{
		"empty":               {"", "it is empty"},
		"no JSON":             {"<!DOCTYPE html>", "invalid character"},
		"cut off":             {product[:len(product)-40], "ends too early"},
		"cut off after a row": {cycles[:len(cycles)-1], "ends too early"},
		"two documents":       {cycles + cycles, "something follows"},
		"a member twice":      {`{"releases":{},"releases":{}}`, "there twice"},
		"null":                {`null`, "it has no releases"},
		"a text":              {`"12"`, "it has no releases"},
		"no releases":         {`{"result":{"name":"acme","releases":[]}}`, "it has no releases"},
		"all products":        {`{"result":[{"name":"acme","uri":"x"}]}`, "it has no releases"},
		"names of products":   {`{"result":{"releases":"12"}}`, "it has no releases"},
		"no cycles":           {`[]`, "it has no releases"},
		"an impossible date":  {`{"generated_at":"yesterday","result":{"releases":[{}]}}`, `generated_at "yesterday"`},
		"one release too many": {"[" + many + `{"eol":true}]`,
			fmt.Sprintf("it has %d releases, the most is %d", MaxReleases+1, MaxReleases)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse("eol", []byte(c.document), []catalog.ProductID{"p"})
			require.ErrorContains(t, err, c.problem)
			require.NotContains(t, err.Error(), "Go ")
		})
	}
	b := read(t, "["+strings.TrimSuffix(many, ",")+"]")
	require.Len(t, b.Rejected, MaxReleases)
}

// A document of an enemy costs no more than a multiple of its length.
func TestHostileDocuments_CAT16(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: hostile documents take a while; run without -short")
	}
	const size = MaxDocument
	for name, document := range map[string]string{
		"tiny releases": "[" + strings.Repeat("{},", size/3) + "{}]",
		"numbers":       "[" + strings.Repeat("0,", size/2) + "0]",
		"deep":          strings.Repeat("[", size),
		"a giant name":  `[{"name":"` + strings.Repeat("1", size) + `","eol":"` + strings.Repeat("2", size) + `"}]`,
		"a giant end":   `[{"name":"1","eol":` + strings.Repeat("9", size) + `}]`,
		"deep ends":     `[{"name":"1","eol":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `}]`,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b, err := parse("eol", []byte(document), []catalog.ProductID{"p"})
			runtime.ReadMemStats(&after)
			if err == nil {
				require.Len(t, b.Rejected, 1)
				require.Less(t, len(b.Rejected[0].Record)+len(strings.Join(b.Rejected[0].Reasons, "")), 2000)
			} else {
				require.Less(t, len(err.Error()), 1000)
			}
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(150*size), "bytes allocated on the way")
			t.Logf("%d bytes: %d MiB allocated on the way", len(document), (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(product))
	f.Add([]byte(cycles))
	f.Add([]byte(releases))
	f.Add([]byte(`[{"name":"1.1.1","eol":"soon"},{"name":"1","eol":true},{"name":"1","eol":{}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parse("eol", data, []catalog.ProductID{"p"})
		if err != nil {
			return
		}
		lines := b.Lines[0].Lines
		require.LessOrEqual(t, len(lines), MaxReleases)
		require.LessOrEqual(t, len(b.Rejected), MaxReleases)
		require.NotEmpty(t, len(lines)+len(b.Rejected))
		require.Empty(t, catalog.Product{ID: "p", Name: "p", Platform: catalog.Linux, Scheme: "loose", Lines: lines}.Check())
	})
}
