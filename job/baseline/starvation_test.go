package baseline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/baseline"
)

const years = 3 * 365 // days

// frequent returns the days of releases with the cadence of a browser in a
// distribution: most come after 2 to 12 days, some after 14 to 20, and a few
// after one to three months. Of 60,000 seeds, the one that is used comes closest
// to the figures that were measured for Chromium in Debian from 2021 to 2023.
func frequent() (days []int) {
	x := uint64(10_280)
	below := func(n uint64) int {
		x = x*6364136223846793005 + 1442695040888963407
		return int(x >> 33 % n)
	}
	for d := 0; d < years; {
		days = append(days, d)
		switch k := below(100); {
		case k < 88:
			d += 2 + below(11)
		case k < 95:
			d += 14 + below(7)
		default:
			d += 30 + below(60)
		}
	}
	return days
}

// lag is how an asset that is patched every day follows the releases.
type lag struct {
	percent int // of the days on which it does not have the newest version
	longest int // run of such days
	worst   int // wait of one release, in days, until it or a newer one is installed
}

func follow(releases []int, install func(day, have, newest int) int) (l lag) {
	have, newest, behind, run := 0, 0, 0, 0
	for d := range years {
		for newest+1 < len(releases) && releases[newest+1] <= d {
			newest++
		}
		if to := install(d, have, newest); to > have {
			l.worst, have = max(l.worst, d-releases[have+1]), to
		}
		if have == newest {
			run = 0
			continue
		}
		l.worst = max(l.worst, d-releases[have+1])
		behind, run = behind+1, run+1
		l.longest = max(l.longest, run)
	}
	l.percent = (100*behind + years/2) / years
	return l
}

// A clock that waits for the newest version to be N days old starves a product
// that is released often. The line's clock waits N days at worst. The first two
// columns of the newest-only clock are those measured for Chromium in Debian,
// to a few units: 71 % and 108 days for 14, 75 % and 356 days for 21.
func TestDelayCountsByTheLine_APR2(t *testing.T) {
	releases := frequent()
	for _, c := range []struct {
		delay        int
		newest, line lag
	}{
		{14, lag{70, 109, 109}, lag{52, 14, 14}},
		{21, lag{76, 358, 358}, lag{59, 21, 21}},
	} {
		newest := follow(releases, func(d, have, newest int) int {
			if d-releases[newest] >= c.delay {
				return newest
			}
			return have
		})
		b := baseline.Baseline{Name: "b", Rules: []baseline.Rule{{Delay: c.delay}}}
		line := follow(releases, byLine(t, b, releases))
		t.Logf("%d releases in 3 years, %d days: newest only behind on %d %% of days, longest %d, worst wait %d; by the line %d %%, longest %d, worst wait %d",
			len(releases), c.delay, newest.percent, newest.longest, newest.worst, line.percent, line.longest, line.worst)
		require.Equal(t, c.newest, newest)
		require.Equal(t, c.line, line)
		require.Equal(t, c.delay, line.worst, "the worst wait is the delay")
	}
}

// byLine installs what a baseline approves, from a real catalog that has the
// newest version only and remembers the others.
func byLine(t testing.TB, b baseline.Baseline, releases []int) func(day, have, newest int) int {
	product := catalog.Product{ID: "browser", Name: "browser", Platform: catalog.Linux, Scheme: version.Semver}
	var snap *catalog.Snapshot
	listed := -1
	at := func(i int) version.Version {
		v, err := version.Parse(version.Semver, fmt.Sprintf("%d.0.0", i+1))
		require.NoError(t, err)
		return v
	}
	return func(d, have, newest int) int {
		for listed < newest {
			listed++
			p := catalog.Patch{ID: catalog.PatchID(fmt.Sprint("browser-", listed)), Product: product.ID, Version: at(listed), Published: day(releases[listed]),
				Artifacts: []catalog.Artifact{{Name: "browser.bin", Availability: catalog.LatestOnly, URL: "https://vendor.example/browser"}}}
			snap, _ = catalog.Sync(snap, []catalog.Batch{{Feed: "test", At: day(d), Products: []catalog.Product{product}, Patches: []catalog.Patch{p}}}, day(d))
		}
		if have == newest {
			return have
		}
		patch, found := snap.Newest(product.ID)
		require.True(t, found)
		v := catalog.Verdict{Patch: patch.ID, Product: product.ID, From: at(have), To: patch.Version}
		r := baseline.Request{Product: product, Patch: baseline.Fix{Patch: patch.ID, Released: patch.Published}}
		line := baseline.Line(product, snap.History(product.ID), v)
		require.Len(t, line, newest-have)
		for _, f := range line {
			r.Line = append(r.Line, baseline.Fix{Patch: f.Patch, Released: baseline.Released(f)})
		}
		if b.Decide(r, day(d)).Answer == baseline.Approved {
			return newest
		}
		return have
	}
}

// No release waits longer than the delay, or than the maximum wait where there
// is a minimum age, whatever the cadence; and none is installed that is younger
// than the rule says (APR-2).
func TestWorstWait_APR2(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := baseline.Rule{Delay: rapid.IntRange(0, 30).Draw(t, "delay")}
		if rapid.Bool().Draw(t, "minimum age") {
			rule.MinAge = rapid.IntRange(1, 30).Draw(t, "age")
			rule.MaxWait = max(rule.Delay, rule.MinAge) + rapid.IntRange(0, 30).Draw(t, "more")
		}
		b := baseline.Baseline{Name: "b", Rules: []baseline.Rule{rule}}
		require.NoError(t, b.Validate())
		gaps := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 60).Draw(t, "gaps")
		releases := []int{0}
		for _, gap := range gaps {
			releases = append(releases, releases[len(releases)-1]+gap)
		}
		waited := follow(releases, func(d, have, newest int) int {
			if have == newest {
				return have
			}
			r := baseline.Request{Product: app, Patch: fix("new", releases[newest])}
			for _, released := range releases[have+1 : newest+1] {
				r.Line = append(r.Line, fix("old", released))
			}
			decision := b.Decide(r, day(d))
			oldest := d - releases[have+1]
			allowed := oldest >= rule.Delay && (d-releases[newest] >= rule.MinAge || oldest >= rule.MaxWait)
			require.Equal(t, allowed, decision.Answer == baseline.Approved)
			if !allowed {
				require.True(t, decision.Until.After(day(d)) && !decision.Until.After(day(releases[have+1]).Add(time.Duration(rule.Worst())*24*time.Hour)))
				return have
			}
			return newest
		})
		require.LessOrEqual(t, waited.worst, rule.Worst())
	})
}
