package explore

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Bounds says how far a search goes. What is zero is the default.
type Bounds struct {
	Depth  int // choices out of the ordinary in one history
	States int // distinct states; the last histories are followed to their end, so a few more may come
}

// Report is what a search found.
type Report struct {
	World       string
	States      int        // distinct ones
	Transitions int        // choices tried
	Final       int        // states in which everything has come to its end
	Depth       int        // most choices out of the ordinary in one history
	Deepest     Trace      // a history with that many
	Steps       int        // most steps in one history, the ordinary ones among them
	Unexplored  int        // states whose choices out of the ordinary were not tried, because a bound came first
	Refused     int        // new states that were not kept, because Bounds.States came first
	Broken      *Violation // nil: none was found
}

// Complete reports whether nothing was left out.
func (r Report) Complete() bool { return r.Broken == nil && r.Unexplored+r.Refused == 0 }

// Search tries every choice in every state of a world, histories with the fewest choices out of the ordinary first, until a
// bound comes or an invariant breaks. It uses all the cores there are; the same world and bounds give the same report on any
// number of them. The error is a world that cannot be made.
func Search(w World, b Bounds) (Report, error) { return search(w, driver{}, b) }

func search(w World, d driver, b Bounds) (Report, error) {
	b.Depth, b.States = cmp.Or(max(b.Depth, 0), DefaultDepth), cmp.Or(max(b.States, 0), DefaultStates)
	s, err := newScene(w, d)
	if err != nil {
		return Report{}, err
	}
	e := explorer{scene: s, bounds: b, report: Report{World: w.Name}, seen: map[hash]struct{}{}}
	e.run()
	e.report.States = len(e.nodes)
	return e.report, nil
}

// explorer is one search.
type explorer struct {
	*scene
	bounds Bounds
	report Report
	seen   map[hash]struct{} // the states that were seen
	nodes  []node
}

// node is how a state was reached first.
type node struct {
	parent int32
	steps  uint16
	move   move
}

// way is a state that was reached by a choice out of the ordinary, and what ordinary steps make of it.
type way struct {
	behind int32 // the state the choice was made in: so many ordinary steps behind the first of its family
	move   move  // the choice; the zero value: there was none, this is the start
	node   int32 // of its first state
	rest   int32 // how many states follow, whose nodes are from
	from   int32
}

// family is the ways that branch off one way, by where they do. No state but the first of that way is kept: millions of them
// would not fit, and making one anew costs less than finding it did.
type family struct {
	first *state
	ways  []way
}

// run goes by layers: the states reached with the same number of choices out of the ordinary. A layer is closed under
// ordinary steps before anything else is tried, so each state is in the first layer that it belongs to.
func (e *explorer) run() {
	first := e.start()
	if first.broken != nil {
		e.report.Broken = e.violation(nil, first.broken)
		return
	}
	layer := []family{{first, []way{{node: e.add(e.hash(first), node{parent: -1})}}}}
	for depth := 0; len(layer) > 0; depth++ {
		e.report.Depth, e.report.Deepest = depth, traceOf(e.path(layer[0].ways[0].node))
		if e.close(layer); e.report.Broken != nil {
			return
		}
		if depth == e.bounds.Depth {
			e.leave(layer)
			return
		}
		if layer = e.expand(layer); e.report.Broken != nil {
			return
		}
	}
}

// leave counts states whose choices are not tried.
func (e *explorer) leave(layer []family) {
	for _, f := range layer {
		for _, w := range f.ways {
			e.report.Unexplored += 1 + int(w.rest)
		}
	}
}

// each makes the first states of a family's ways anew.
func (e *explorer) each(f family, visit func(i int, first *state)) {
	st, at := f.first, int32(0)
	for i, w := range f.ways {
		for ; at < w.behind; at++ {
			st = e.apply(st, ordinarily)
		}
		if w.move.choice == 0 {
			visit(i, st)
		} else {
			visit(i, e.apply(st, w.move))
		}
	}
}

func (e *explorer) full() bool { return len(e.nodes) >= e.bounds.States }

func (e *explorer) add(h hash, n node) int32 {
	at := int32(len(e.nodes))
	e.nodes = append(e.nodes, n)
	e.seen[h] = struct{}{}
	e.report.Steps = max(e.report.Steps, int(n.steps))
	return at
}

func (e *explorer) child(parent int32, m move) node {
	return node{parent, e.nodes[parent].steps + 1, m}
}

// abreast works on a chunk of a layer on all cores. What do reads of the explorer nobody writes meanwhile.
func abreast(n int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// walk is what ordinary steps make of a state: the hashes of the states, up to the first that was seen before.
type walk struct {
	hashes []hash
	ends   []bool  // which of them are ends, the first state's before them
	broken *Broken // behind the last of them
}

// follow goes the ordinary way from a state. It must lead to an end, for that is how an asset goes on that has no more
// trouble (invariant 10): to a settled state, or to one from which that is known.
func (e *explorer) follow(st *state) (w walk) {
	own := map[hash]struct{}{e.hash(st): {}}
	for range maxOrdinary {
		ended := e.settled(st)
		if st.broken != nil {
			w.broken = st.broken
			return w
		}
		w.ends = append(w.ends, ended)
		if ended && st.server != nil { // what may come yet is but the time of later calls
			return w
		}
		if st = e.apply(st, ordinarily); st.broken != nil {
			w.broken = st.broken
			return w
		}
		h := e.hash(st)
		if _, again := own[h]; again {
			if !slices.Contains(w.ends, true) {
				w.broken = stuck()
			}
			return w
		}
		if _, known := e.seen[h]; known {
			return w
		}
		own[h] = struct{}{}
		w.hashes = append(w.hashes, h)
	}
	w.broken = stuck()
	return w
}

func stuck() *Broken {
	return &Broken{Invariant: 10, Text: "with an agent that keeps calling, no end is reached"}
}

// close adds to a layer what ordinary steps make of its states.
func (e *explorer) close(layer []family) {
	walks := make([][]walk, chunk)
	for part := range slices.Chunk(layer, chunk) {
		if e.full() {
			return
		}
		abreast(len(part), func(i int) {
			walks[i] = make([]walk, len(part[i].ways))
			e.each(part[i], func(k int, first *state) { walks[i][k] = e.follow(first) })
		})
		for i, f := range part {
			for k := range f.ways {
				if e.full() {
					return
				}
				if e.enter(&f.ways[k], walks[i][k]); e.report.Broken != nil {
					return
				}
			}
		}
	}
}

// enter puts what a walk found into the report, up to what an earlier one of the same chunk found.
func (e *explorer) enter(w *way, found walk) {
	w.from = int32(len(e.nodes))
	at := w.node
	for i, end := range found.ends {
		if end {
			e.report.Final++
		}
		if i == len(found.hashes) {
			break
		}
		h := found.hashes[i]
		e.report.Transitions++
		if _, known := e.seen[h]; known {
			return
		}
		at = e.add(h, e.child(at, ordinarily))
		w.rest++
	}
	e.report.Transitions++
	if found.broken != nil {
		e.report.Broken = e.violation(append(e.path(at), ordinarily), found.broken)
	}
}

// branch is a state that a choice out of the ordinary leads to.
type branch struct {
	behind int32 // how many ordinary steps behind the first state of its way
	move   move
	hash   hash
	broken *Broken
}

// branches tries every choice out of the ordinary in each state of a way. What was seen before is counted only.
func (e *explorer) branches(st *state, rest int32) (list []branch, tried int) {
	for behind := int32(0); ; behind++ {
		for _, m := range e.moves(st)[1:] {
			tried++
			after := e.apply(st, m)
			h := e.hash(after)
			if _, known := e.seen[h]; after.broken != nil || !known {
				list = append(list, branch{behind, m, h, after.broken})
			}
		}
		if behind == rest {
			return list, tried
		}
		st = e.apply(st, ordinarily)
	}
}

// expand tries the choices of a layer, and returns the next one.
func (e *explorer) expand(layer []family) (next []family) {
	type tries struct {
		first *state
		list  []branch
		tried int
	}
	all := make([][]tries, chunk)
	for part := range slices.Chunk(layer, chunk) {
		if e.full() {
			e.leave(part)
			continue
		}
		abreast(len(part), func(i int) {
			all[i] = make([]tries, len(part[i].ways))
			e.each(part[i], func(k int, first *state) {
				t := &all[i][k]
				t.first = first
				t.list, t.tried = e.branches(first, part[i].ways[k].rest)
			})
		})
		for i := range part {
			for k, t := range all[i] {
				e.report.Transitions += t.tried
				f := family{first: t.first, ways: e.take(part[i].ways[k], t.list)}
				if e.report.Broken != nil {
					return nil
				}
				if len(f.ways) > 0 {
					next = append(next, f)
				}
			}
			part[i], all[i] = family{}, nil // they are not needed any more
		}
	}
	return next
}

// take lists the branches of a way that are new.
func (e *explorer) take(w way, list []branch) (ways []way) {
	for _, b := range list {
		parent := w.node
		if b.behind > 0 {
			parent = w.from + b.behind - 1
		}
		if b.broken != nil {
			e.report.Broken = e.violation(append(e.path(parent), b.move), b.broken)
			return nil
		}
		if _, known := e.seen[b.hash]; known {
			continue
		}
		if e.full() {
			e.report.Refused++
			continue
		}
		ways = append(ways, way{behind: b.behind, move: b.move, node: e.add(b.hash, e.child(parent, b.move))})
	}
	return ways
}

// path lists the moves that lead to a node.
func (e *explorer) path(n int32) []move {
	var path []move
	for ; e.nodes[n].parent >= 0; n = e.nodes[n].parent {
		path = append(path, e.nodes[n].move)
	}
	slices.Reverse(path)
	return path
}
