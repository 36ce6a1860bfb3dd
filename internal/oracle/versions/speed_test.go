package versions

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// fastest measures the time of one call of each, in the best of many short rounds by turns, so that
// what else the computer does slows none more than the others.
func fastest(pairs int, calls ...func(i int)) []time.Duration {
	best := make([]time.Duration, len(calls))
	for c := range best {
		best[c] = math.MaxInt64
	}
	for range 300 {
		for c, call := range calls {
			begun := time.Now()
			for i := range pairs {
				call(i)
			}
			best[c] = min(best[c], time.Since(begun))
		}
	}
	return best
}

func per(d time.Duration, n int) float64 { return float64(d) / float64(n) }

// BenchmarkPeers prints, for each scheme, what a comparison of two neighbours of the real lists
// takes here and in each peer, and how ours relates to the fastest peer that is correct.
func BenchmarkPeers(b *testing.B) {
	for _, s := range []version.Scheme{version.Semver, version.Debian, version.Rpm, version.Apk} {
		b.Run(string(s), func(b *testing.B) {
			pairs := real(b, s)
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(pairs), func(i, k int) { pairs[i], pairs[k] = pairs[k], pairs[i] })
			pairs = pairs[:min(200, len(pairs))]
			var parsed [][2]version.Version
			for _, p := range pairs {
				parsed = append(parsed, [2]version.Version{must(b, s, p[0]), must(b, s, p[1])})
			}
			names, correct := []string{"ours", "ours, parsed", "ours, parsing"}, []bool{true, true, true}
			calls := []func(i int){
				func(i int) { _, _ = version.Compare(s, pairs[i][0], pairs[i][1]) },
				func(i int) { parsed[i][0].Compare(parsed[i][1]) },
				func(i int) { _, _ = version.Parse(s, pairs[i][0]) },
			}
			for _, p := range peers {
				if p.scheme == s {
					names, correct = append(names, p.name), append(correct, p.wrong[0] == "")
					calls = append(calls, func(i int) { p.compare(pairs[i][0], pairs[i][1]) })
				}
			}
			best := fastest(len(pairs), calls...)
			peer := math.Inf(1)
			table := fmt.Sprintf("%s, %d pairs:\n", s, len(pairs))
			for c, d := range best {
				note := ""
				if !correct[c] {
					note = "  (wrong)"
				} else if c > 2 {
					peer = min(peer, per(d, len(pairs)))
				}
				table += fmt.Sprintf("  %9.1f ns  %s%s\n", per(d, len(pairs)), names[c], note)
			}
			ours := per(best[0], len(pairs))
			b.Logf("%s  %.2f of the fastest correct peer", table, ours/peer)
			b.ReportMetric(ours, "ns/compare")
			b.ReportMetric(per(best[1], len(pairs)), "ns/parsed-compare")
			b.ReportMetric(ours/peer, "of-fastest-peer")
			b.ReportMetric(0, "ns/op")
		})
	}
}
