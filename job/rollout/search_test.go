package rollout_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// A long run: ROLLOUT_STATES=2000000 go test -timeout 1h -v -run Search ./job/rollout
var states = flag.Int("states", 6_000, "distinct states to search in each world; ROLLOUT_STATES sets it too; a tenth in a short run")

var rewriteHistories = flag.Bool("histories", false, "write testdata/histories again")

func bound(t *testing.T) int {
	n := *states
	if text := os.Getenv("ROLLOUT_STATES"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	if testing.Short() {
		return n / 10
	}
	return n
}

// found is what a search found.
type found struct {
	states   int
	complete bool
	history  []move // to the first state that breaks something, or to the worst one
	broken   string
	worst    int // assets hurt
	reached  map[string]bool
}

// reach notes what a state shows, so that a search that never gets anywhere is
// noticed.
func (f *found) reach(n *node) {
	f.reached[n.state.Phase.String()] = true
	for i, r := range n.state.Rings {
		if !r.Start.IsZero() {
			f.reached[fmt.Sprintf("ring %d", i)] = true
		}
		for name, count := range map[string]int{"silent": r.Silent, "failed": r.Failed, "lost": r.Lost, "accepted": r.Accepted, "left": r.Left} {
			if count > 0 {
				f.reached[name] = true
			}
		}
	}
}

// search tries every move in every state, breadth first. It ends at a broken
// invariant, or after so many states. With worst it looks for the state that
// hurts most assets.
func (s *setting) search(limit int, worst bool) found {
	type step struct {
		from int32
		move move
	}
	type open struct {
		node *node
		at   int32
	}
	first := s.start()
	steps := []step{{from: -1}}
	history := func(at int32) (moves []move) {
		for ; steps[at].from >= 0; at = steps[at].from {
			moves = append(moves, steps[at].move)
		}
		slices.Reverse(moves)
		return moves
	}
	var buffer []byte
	id := func(n *node) (h [16]byte) {
		buffer = s.encode(n, buffer[:0])
		sum := sha256.Sum256(buffer)
		return [16]byte(sum[:16])
	}
	seen := map[[16]byte]struct{}{id(first): {}}
	queue := []open{{first, 0}}
	result := found{complete: true, reached: map[string]bool{}}
	for len(queue) > 0 {
		from := queue[0]
		queue[0] = open{}
		queue = queue[1:]
		for _, m := range s.moves(from.node) {
			n := s.apply(from.node, m)
			key := id(n)
			if _, have := seen[key]; have && n.broken == "" {
				continue
			}
			if len(seen) >= limit {
				result.complete = false
				continue
			}
			seen[key] = struct{}{}
			at := int32(len(steps))
			steps = append(steps, step{from.at, m})
			if n.broken != "" {
				result.states, result.broken, result.history = len(seen), n.broken, history(at)
				return result
			}
			if hurt := n.hurt(s); worst && hurt > result.worst {
				result.worst, result.history = hurt, history(at)
			}
			result.reach(n)
			queue = append(queue, open{n, at})
		}
	}
	result.states = len(seen)
	return result
}

// play carries out a history. It returns the last state, or says which move is
// not possible.
func (s *setting) play(history []move) (*node, error) {
	n := s.start()
	for i, m := range history {
		if !s.possible(n, m) {
			return n, fmt.Errorf("move %d is not possible: %s", i+1, m)
		}
		if n = s.apply(n, m); n.broken != "" {
			return n, nil
		}
	}
	return n, nil
}

// shrink takes out every move that a history does not need to break something.
func (s *setting) shrink(history []move) []move {
	for again := true; again; {
		again = false
		for i := range history {
			shorter := slices.Delete(slices.Clone(history), i, i+1)
			if n, err := s.play(shorter); err == nil && n.broken != "" {
				history, again = shorter, true
				break
			}
		}
	}
	return history
}

func printed(history []move) string {
	var b strings.Builder
	for _, m := range history {
		fmt.Fprintln(&b, m)
	}
	return b.String()
}

func parsed(t *testing.T, text string) (history []move) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			m, ok := vocabulary[line]
			require.True(t, ok, "no such move: %s", line)
			history = append(history, m)
		}
	}
	return history
}

// kept compares a history with the file of testdata/histories, and returns what
// the file says.
func kept(t *testing.T, name, about, history string) string {
	path := filepath.Join("testdata", "histories", strings.ReplaceAll(name, " ", "-")+".txt")
	text := "# " + about + "\n" + history
	if *rewriteHistories {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(have), text, "run the test with -histories to write it again")
	return string(have)
}

// three is a policy of three rings.
func three(budget int) rollout.Policy {
	gate := rollout.Gate{Results: 1, Success: 50}
	return rollout.Policy{
		Rings: []rollout.RingPolicy{
			{Name: "canary", Tag: "canary", Gate: gate, Soak: time.Hour},
			{Name: "early", Take: rollout.Amount{Count: 1}, Gate: gate},
			{Name: "rest", Gate: gate},
		},
		Budget:  rollout.Amount{Count: budget},
		Silence: time.Hour,
	}
}

func worlds() []setting {
	tags := []string{"canary", "canary", "", ""}
	return []setting{
		{name: "two servers", policy: three(2), tags: []string{"canary", "", ""}, hours: 1, grants: 1, overlaps: true, budget: acts{crashes: 1}},
		{name: "stop and resume", policy: three(2), tags: []string{"canary", "canary", ""}, hours: 1, grants: 2, budget: acts{stops: 1, resumes: 1}},
		{name: "stop races", policy: three(1), tags: []string{"canary", "canary", ""}, hours: 0, grants: 2, overlaps: true, budget: acts{stops: 1, resumes: 1}},
		{name: "expedite", policy: three(2), tags: []string{"canary", "", ""}, hours: 1, grants: 2, overlaps: true,
			budget: acts{stops: 1, expedites: 1, abandons: 1}},
		{name: "removal and joiner", policy: three(2), tags: []string{"canary", "", "canary"}, joiner: true, hours: 1, grants: 1,
			budget: acts{removals: 1, resumes: 1}},
		{name: "everything", policy: three(2), tags: []string{"canary", "", ""}, hours: 1, grants: 2, overlaps: true,
			budget: acts{stops: 1, resumes: 1, expedites: 1, abandons: 1, removals: 1, crashes: 1}},
		{name: "four assets", policy: three(2), tags: tags, hours: 2, grants: 1},
	}
}

// Invariant 14 holds in every state that was searched, and whatever the
// observer checks with it.
func TestSearch_ROL2_ROL3_ROL4(t *testing.T) {
	sum := 0
	for _, s := range worlds() {
		t.Run(s.name, func(t *testing.T) {
			began := time.Now()
			r := s.search(bound(t), false)
			require.Empty(t, r.broken, "%s", printed(s.shrink(r.history)))
			if !r.complete {
				require.GreaterOrEqual(t, r.states, bound(t))
			}
			sum += r.states
			t.Logf("%d distinct states in %.1f s, complete: %v, reached %v", r.states, time.Since(began).Seconds(), r.complete, slices.Sorted(maps.Keys(r.reached)))
		})
	}
	fmt.Printf("searched %d distinct states of %d worlds of rollouts: no invariant broke\n", sum, len(worlds()))
}
