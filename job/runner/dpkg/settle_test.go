package dpkg

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// fakeWorld is a world of patches where each needs some others, and some pairs
// exclude each other. Its judge blames like apt: those whose needs are unmet,
// and nobody for a conflict.
type fakeWorld struct {
	needs     []uint16 // by patch, as a set; bit 15: something nobody has
	conflicts [][2]int
}

func (w fakeWorld) ask(set []int) answer {
	var have uint16
	for _, i := range set {
		have |= 1 << i
	}
	a := answer{ok: true, broken: map[int]string{}}
	for _, i := range set {
		if w.needs[i]&^have != 0 {
			a.ok = false
			a.broken[i] = "unmet"
		}
		a.steps.add(false, i)
	}
	for _, c := range w.conflicts {
		if have&(1<<c[0]) != 0 && have&(1<<c[1]) != 0 {
			a.ok = false
		}
	}
	return a
}

func drawWorld(t *rapid.T, conflicts int) fakeWorld {
	n := rapid.IntRange(1, 8).Draw(t, "patches")
	w := fakeWorld{needs: make([]uint16, n)}
	for i := range w.needs {
		for range rapid.IntRange(0, 2).Draw(t, "needs") {
			w.needs[i] |= 1 << rapid.IntRange(0, n-1).Draw(t, "need")
		}
		if rapid.IntRange(0, 4).Draw(t, "nobody has it") == 0 {
			w.needs[i] |= 1 << 15
		}
		w.needs[i] &^= 1 << i
	}
	for range rapid.IntRange(0, conflicts).Draw(t, "conflicts") {
		c := [2]int{rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b")}
		if c[0] != c[1] {
			w.conflicts = append(w.conflicts, c)
		}
	}
	return w
}

// largest tries every subset.
func (w fakeWorld) largest() int {
	best := 0
	for s := range 1 << len(w.needs) {
		var set []int
		for i := range w.needs {
			if s&(1<<i) != 0 {
				set = append(set, i)
			}
		}
		if w.ask(set).ok {
			best = max(best, bits.OnesCount(uint(s)))
		}
	}
	return best
}

func (w fakeWorld) settle(t *rapid.T) (accepted []int, refused map[int]string) {
	order, refused, err := settle(len(w.needs), func(set []int) (answer, error) { return w.ask(set), nil })
	require.NoError(t, err)
	for _, s := range order {
		accepted = append(accepted, s.items...)
	}
	slices.Sort(accepted)
	return accepted, refused
}

// Where patches only need each other, the largest set that installs is unique,
// and settle finds it.
func TestSettleRefusesExactlyTheUnmet_CAT5(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 0)
		accepted, refused := w.settle(t)
		require.Equal(t, w.largest(), len(accepted), "%v", w)
		require.Len(t, refused, len(w.needs)-len(accepted))
	})
}

// With conflicts there may be several answers. Each patch is accepted or
// refused, the accepted ones install together, and no refused one installs
// beside them.
func TestSettleIsNeverTooStrictNorTooLax_CAT5(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 3)
		accepted, refused := w.settle(t)
		require.True(t, w.ask(accepted).ok, "%v", w)
		for i := range w.needs {
			why, no := refused[i]
			require.NotEqual(t, slices.Contains(accepted, i), no)
			if no {
				require.NotEmpty(t, why)
				require.False(t, w.ask(append([]int{i}, accepted...)).ok, "%d installs beside the others: %v", i, w)
			}
		}
	})
}

func TestSettleAsksFewQuestions(t *testing.T) {
	const n = 2000
	asked := 0
	_, refused, err := settle(n, func(set []int) (answer, error) {
		asked++
		a := answer{ok: true}
		for _, i := range set {
			a.steps.add(false, i)
			if i == 77 || i == 1500 {
				a.ok = false // and nobody is blamed
			}
		}
		return a, nil
	})
	require.NoError(t, err)
	require.Len(t, refused, 2)
	require.Less(t, asked, 80)
	_, _, err = settle(3, func([]int) (answer, error) { return answer{}, fmt.Errorf("no apt") })
	require.EqualError(t, err, "no apt")
}
