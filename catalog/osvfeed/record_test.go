package osvfeed

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

func record12(ranges string) string {
	return `{"id":"X-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"hare"},"ranges":` + ranges + `}]}`
}

func TestRanges_CAT18(t *testing.T) {
	for events, want := range map[string]string{
		`{"introduced":"0"},{"fixed":"2"}`:                                          "-2",
		`{"introduced":"1"},{"fixed":"2"}`:                                          "1-2",
		`{"introduced":"0"}`:                                                        "-",
		`{"fixed":"4"},{"introduced":"3"},{"fixed":"2"},{"introduced":"0"}`:         "-2 3-4",
		`{"introduced":"0"},{"fixed":"2"},{"introduced":"2"},{"fixed":"3"}`:         "-2 2-3",
		`{"introduced":"0"},{"last_affected":"2"}`:                                  "-",
		`{"introduced":"0"},{"last_affected":"2"},{"introduced":"3"},{"fixed":"4"}`: "-4",
		`{"introduced":"0"},{"limit":"2"}`:                                          "-2",
		`{"introduced":"0"},{"limit":"*"}`:                                          "-",
		`{"introduced":"2"},{"fixed":"2"}`:                                          "",
		`{"introduced":"0"},{"introduced":"1"},{"fixed":"2"},{"fixed":"3"}`:         "-2",
		`{"introduced":"1:1"},{"fixed":"1:1~rc1-1"},{"fixed":"1:2"}`:                "1:1-1:2",
	} {
		b, err := read(t, list(record12(`[{"type":"GIT","events":[{"introduced":"abc"}]},{"type":"ECOSYSTEM","events":[`+events+`]}]`)))
		require.NoError(t, err)
		require.Empty(t, b.Rejected, events)
		var got []string
		for _, a := range b.Advisories {
			for _, f := range a.Fixes {
				got = append(got, f.Introduced.String()+"-"+f.Fixed.String())
			}
		}
		require.Equal(t, want, strings.Join(got, " "), events)
	}
}

// Bad records are rejected alone, with every reason (CAT-16).
func TestBadRecords_CAT16(t *testing.T) {
	for record, want := range map[string]string{
		record12(`[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"a b"}]}]`): `"a b" is not a debian version`,
		record12(`[{"type":"ECOSYSTEM","events":[{"introduced":"0","fixed":"1"}]}]`):     "an event has 2 of introduced",
		record12(`[{"type":"ECOSYSTEM","events":[{}]}]`):                                 "an event has 0 of introduced",
		record12(`[{"type":"ECOSYSTEM","events":[{"fixed":"1"}]}]`):                      "no introduced event",
		record12(`[{"type":"GIT","events":[{"introduced":"0"}]}]`):                       "no range of versions",
		record12(`[{"type":"MAGIC","events":[]}]`):                                       `type "MAGIC" is not known`,
		record12(`null`): "no range of versions",
		strings.Replace(record12(`[]`), "hare", "", 1):                                   "the name has 0 bytes",
		strings.Replace(record12(`[]`), "2026-01-01T", "yesterday", 1):                   "parsing time",
		strings.Replace(record12(`[]`), `"modified":"2026-01-01T00:00:00Z",`, "", 1):     `no "modified"`,
		strings.Replace(record12(`[]`), "X-1", strings.Repeat("x", catalog.MaxCVE+1), 1): "its id has 65 bytes",
		`{"id":["Debian:12"]}`: "cannot unmarshal",
		`"Debian:12"`:          "cannot unmarshal",
	} {
		b, err := read(t, list(dsa, record, tracker))
		require.NoError(t, err)
		require.Len(t, b.Advisories, 2)
		require.Len(t, b.Rejected, 1, record)
		require.Equal(t, "record number 2", b.Rejected[0].Record)
		require.Contains(t, strings.Join(b.Rejected[0].Reasons, "; "), want, record)
	}
}

func TestCVEs_CAT18(t *testing.T) {
	for members, want := range map[string][]string{
		`"aliases":["CVE-2026-2000"],"upstream":["CVE-2026-1000","CVE-2026-2000"],"related":["CVE-2026-3000"]`: {"CVE-2026-1000", "CVE-2026-2000"},
		`"related":["CVE-2026-3000","DSA-1-1"]`:                   {"CVE-2026-3000"},
		`"aliases":["CVE-26-1","cve-2026-1000","CVE-2026-1000x"]`: nil,
	} {
		b, err := read(t, list(strings.Replace(record12(`[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]`), `"id"`, members+`,"id"`, 1)))
		require.NoError(t, err)
		require.Equal(t, want, b.Advisories[0].CVEs, members)
	}
}

func TestWithdrawnAndEscaped(t *testing.T) {
	text := strings.Replace(tracker, `"id"`, `"withdrawn":"2026-02-02T00:00:00Z","id"`, 1)
	text = strings.Replace(text, "Debian:12", `Debian\u003a12`, 1)
	b, err := read(t, list(text))
	require.NoError(t, err)
	require.Len(t, b.Advisories, 1)
	require.True(t, b.Advisories[0].Withdrawn)
}

func TestSeverity_CAT18(t *testing.T) {
	const critical = `"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],`
	for members, want := range map[string]catalog.Severity{
		``:       0,
		critical: catalog.Critical,
		critical + `"database_specific":{"severity":"MODERATE"},`:                                                          catalog.Medium,
		critical + `"database_specific":{"severity":7},`:                                                                   catalog.Critical,
		critical + `"database_specific":["x"],`:                                                                            catalog.Critical,
		`"severity":[{"type":"Ubuntu","score":"negligible"}],`:                                                             catalog.Low,
		`"severity":[{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:P/I:P/A:P"},{"type":"CVSS_V4","score":"CVSS:4.0/AV:N"}],`: 0,
	} {
		b, err := read(t, list(strings.Replace(record12(`[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]`), `"id"`, members+`"id"`, 1)))
		require.NoError(t, err)
		require.Equal(t, want, b.Advisories[0].Severity, members)
	}
	for urgency, want := range map[string]catalog.Severity{"low**": catalog.Low, "unimportant": catalog.Low, "high": catalog.High, "end-of-life": catalog.Critical} {
		b, err := read(t, list(strings.NewReplacer("not yet assigned", urgency).Replace(tracker)))
		require.NoError(t, err)
		require.Equal(t, want, b.Advisories[0].Severity, urgency)
	}
}

// The scores are those that the specification's calculator gives.
func TestBaseScore(t *testing.T) {
	for vector, want := range map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H":     9.8,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H":     10,
		"CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N":     6.1,
		"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H":     7.8,
		"CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N":     5.9,
		"CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:H/I:N/A:N":     6.8,
		"CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N":     1.6,
		"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H/E:P": 9.9,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H":     7.5,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N":     0,
		"CVSS:3.1/AV:A/AC:L/PR:H/UI:N/S:C/C:L/I:L/A:L":     5.9,
	} {
		score, ok := baseScore(vector)
		require.True(t, ok, vector)
		require.Equal(t, int(math.Round(want*10)), score, vector)
	}
	for _, bad := range []string{"", "CVSS:3.1", "CVSS:4.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
		"CVSS:3.1/AV:N/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"} {
		_, ok := baseScore(bad)
		require.False(t, ok, bad)
	}
}

// Records of other releases are passed over without being read.
func BenchmarkOtherReleases(b *testing.B) {
	text := []byte(strings.Replace(dsa, "Debian:12", "Debian:10", 1) + strings.Repeat(" ", 4000))
	p := parser{wanted: []wanted{{"Debian:12", fmt.Appendf(nil, "%q", "Debian:12")}}}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if p.mayName(text) {
			b.Fatal("it does not name it")
		}
	}
}
