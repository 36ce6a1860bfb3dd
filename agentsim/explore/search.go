package explore

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Bounds limits a search. Zero means the default.
type Bounds struct {
	Depth  int // deviations in one history; default DefaultDepth
	States int // distinct states; default DefaultStates. The last default steps are still followed, so a few more may come.
}

// Report is what a search found.
type Report struct {
	World       string
	States      int        // distinct
	Transitions int        // choices tried
	Final       int        // states that are ends
	Depth       int        // most deviations in one history
	Deepest     Trace      // a history with that many
	Steps       int        // most steps in one history, default steps included
	Unexplored  int        // states whose deviations were not tried, because a bound was reached
	Refused     int        // new states that were dropped, because Bounds.States was reached
	Broken      *Violation // nil: no invariant broke
}

// Complete reports whether the search tried everything and nothing broke.
func (r Report) Complete() bool { return r.Broken == nil && r.Unexplored+r.Refused == 0 }

// Search tries every choice in every state of a world until it reaches a bound
// or an invariant breaks. Histories with the fewest deviations come first. It
// uses all cores; the report is the same on any number of them. The error says
// what is wrong with the world.
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

type explorer struct {
	*scene
	bounds Bounds
	report Report
	seen   map[hash]struct{} // the states that were seen
	nodes  []node
}

// node is how a state was first reached.
type node struct {
	parent int32
	steps  uint16
	move   move
}

// path is a state that a deviation leads to, and the default steps from there.
type path struct {
	after int32 // the deviation comes this many default steps after the family's first state
	move  move  // the deviation; zero: none, this is the start
	node  int32 // of the first state
	rest  int32 // how many states follow; their nodes begin at from
	from  int32
}

// family is the paths that branch off one path, by where they do. Only its first
// state is kept. Making the others again is cheaper than the memory.
type family struct {
	first *state
	paths []path
}

// run goes by layers of states with equally many deviations. It closes a layer
// under default steps first, so each state is in the first layer it belongs to.
func (e *explorer) run() {
	first := e.start()
	if first.broken != nil {
		e.report.Broken = e.violation(nil, first.broken)
		return
	}
	layer := []family{{first, []path{{node: e.add(e.hash(first), node{parent: -1})}}}}
	for depth := 0; len(layer) > 0; depth++ {
		e.report.Depth, e.report.Deepest = depth, traceOf(e.movesTo(layer[0].paths[0].node))
		if e.close(layer); e.report.Broken != nil {
			return
		}
		if depth == e.bounds.Depth {
			for _, f := range layer {
				e.leave(f)
			}
			return
		}
		if layer = e.expand(layer); e.report.Broken != nil {
			return
		}
	}
}

// leave counts states whose deviations are not tried.
func (e *explorer) leave(f family) {
	for _, w := range f.paths {
		e.report.Unexplored += 1 + int(w.rest)
	}
}

// each makes the first states of a family's paths again, and looks at each.
func each[T any](e *explorer, f family, look func(w path, first *state) T) (found []T) {
	st, at := f.first, int32(0)
	for _, w := range f.paths {
		for ; at < w.after; at++ {
			st = e.apply(st, byDefault)
		}
		first := st
		if w.move.choice != 0 {
			first = e.apply(st, w.move)
		}
		found = append(found, look(w, first))
	}
	return found
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

// inParallel looks at a layer on all cores, chunk by chunk, and takes what was
// found in order. Nobody writes to the explorer while others look. Once it is full,
// nobody looks, and nothing is found. A broken invariant ends it.
func inParallel[T any](e *explorer, layer []family, look func(w path, first *state) T, take func(f *family, found []T)) {
	for part := range slices.Chunk(layer, chunk) {
		found := make([][]T, len(part))
		if !e.full() {
			var next atomic.Int64
			var workers sync.WaitGroup
			for range min(runtime.GOMAXPROCS(0), len(part)) {
				workers.Go(func() {
					for i := next.Add(1) - 1; i < int64(len(part)); i = next.Add(1) - 1 {
						found[i] = each(e, part[i], look)
					}
				})
			}
			workers.Wait()
		}
		for i := range part {
			if take(&part[i], found[i]); e.report.Broken != nil {
				return
			}
			found[i] = nil // free the memory
		}
	}
}

// walk is the states after default steps, up to the first that is known.
type walk struct {
	hashes []hash
	ends   []bool  // which of them are ends, after the first state's
	broken *Broken // by the step after the last of them
}

// follow takes default steps. They must reach an end or a known state (invariant 10).
func (e *explorer) follow(st *state) (w walk) {
	own := map[hash]struct{}{e.hash(st): {}}
	for range maxDefault {
		ended := e.settled(st)
		if st.broken != nil {
			w.broken = st.broken
			return w
		}
		w.ends = append(w.ends, ended)
		if ended && st.server != nil { // only later calls can follow
			return w
		}
		if st = e.apply(st, byDefault); st.broken != nil {
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
	return &Broken{Invariant: 10, Text: "the agent keeps calling, and no end is reached"}
}

// close adds to a layer what default steps make of its states.
func (e *explorer) close(layer []family) {
	follow := func(_ path, first *state) walk { return e.follow(first) }
	inParallel(e, layer, follow, func(f *family, found []walk) {
		for k, w := range found {
			if !e.full() && e.report.Broken == nil {
				e.enter(&f.paths[k], w)
			}
		}
	})
}

// enter reports what a walk found, up to what another walk of the chunk found.
func (e *explorer) enter(w *path, found walk) {
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
		at = e.add(h, e.child(at, byDefault))
		w.rest++
	}
	e.report.Transitions++
	if found.broken != nil {
		e.report.Broken = e.violation(append(e.movesTo(at), byDefault), found.broken)
	}
}

// branch is a state that a deviation leads to.
type branch struct {
	after  int32 // default steps after the first state of its path
	move   move
	hash   hash
	broken *Broken
}

// branches is what branches off a path.
type branches struct {
	first *state   // of the path
	list  []branch // to states that are new
	tried int
}

// branches tries every deviation in each state of a path.
func (e *explorer) branches(w path, st *state) branches {
	b := branches{first: st}
	for after := int32(0); ; after++ {
		for _, m := range e.moves(st)[1:] {
			b.tried++
			to := e.apply(st, m)
			h := e.hash(to)
			if _, known := e.seen[h]; to.broken != nil || !known {
				b.list = append(b.list, branch{after, m, h, to.broken})
			}
		}
		if after == w.rest {
			return b
		}
		st = e.apply(st, byDefault)
	}
}

// expand tries the deviations of a layer and returns the next layer.
func (e *explorer) expand(layer []family) (next []family) {
	inParallel(e, layer, e.branches, func(f *family, found []branches) {
		if found == nil {
			e.leave(*f)
		}
		for k, b := range found {
			e.report.Transitions += b.tried
			paths := e.take(f.paths[k], b.list)
			if e.report.Broken != nil {
				return
			}
			if len(paths) > 0 {
				next = append(next, family{b.first, paths})
			}
		}
		*f = family{} // free the memory
	})
	return next
}

// take lists the branches of a path that are new.
func (e *explorer) take(w path, list []branch) (paths []path) {
	for _, b := range list {
		parent := w.node
		if b.after > 0 {
			parent = w.from + b.after - 1
		}
		if b.broken != nil {
			e.report.Broken = e.violation(append(e.movesTo(parent), b.move), b.broken)
			return nil
		}
		if _, known := e.seen[b.hash]; known {
			continue
		}
		if e.full() {
			e.report.Refused++
			continue
		}
		paths = append(paths, path{after: b.after, move: b.move, node: e.add(b.hash, e.child(parent, b.move))})
	}
	return paths
}

// movesTo lists the moves that lead to a node.
func (e *explorer) movesTo(n int32) []move {
	var path []move
	for ; e.nodes[n].parent >= 0; n = e.nodes[n].parent {
		path = append(path, e.nodes[n].move)
	}
	slices.Reverse(path)
	return path
}
