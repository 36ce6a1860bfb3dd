package explore

import "slices"

// Bounds says how far a search goes. What is zero is the default.
type Bounds struct {
	Depth  int // choices out of the ordinary in one history
	States int // distinct states; the last history is followed to its end, so a few more may come
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
// bound comes or an invariant breaks. The same world and bounds give the same report. The error is a world that cannot be
// made.
func Search(w World, b Bounds) (Report, error) { return search(w, driver{}, b) }

func search(w World, d driver, b Bounds) (Report, error) {
	if b.Depth <= 0 {
		b.Depth = DefaultDepth
	}
	if b.States <= 0 {
		b.States = DefaultStates
	}
	s, err := newScene(w, d)
	if err != nil {
		return Report{}, err
	}
	e := explorer{scene: s, bounds: b, report: Report{World: w.Name}, index: map[hash]int32{}}
	e.run()
	e.report.States = len(e.nodes)
	return e.report, nil
}

// explorer is one search.
type explorer struct {
	*scene
	bounds Bounds
	report Report
	index  map[hash]int32 // the node of each state that was seen
	nodes  []node
}

// node is how a state was reached first.
type node struct {
	parent int32
	steps  int32
	choice Choice
}

// found is a state with its node.
type found struct {
	*state
	node int32
}

// run goes by layers: the states reached with the same number of choices out of the ordinary. A layer is closed under
// ordinary steps before anything else is tried, so each state is in the first layer that it belongs to.
func (e *explorer) run() {
	first := e.start()
	if first.broken != nil {
		e.report.Broken = e.violation(nil, first.broken)
		return
	}
	layer := []found{{first, e.add(e.hash(first), node{parent: -1})}}
	for depth := 0; len(layer) > 0; depth++ {
		e.report.Depth, e.report.Deepest = depth, traceOf(e.path(layer[0].node))
		if layer = e.ordinaryWays(layer); e.report.Broken != nil {
			return
		}
		if depth == e.bounds.Depth {
			e.report.Unexplored = len(layer)
			return
		}
		var next []found
		for i := range layer {
			if len(e.nodes) >= e.bounds.States {
				e.report.Unexplored = len(layer) - i
				break
			}
			if next = e.expand(layer[i], next); e.report.Broken != nil {
				return
			}
			layer[i].state = nil // it is not needed any more
		}
		layer = next
	}
}

func (e *explorer) add(h hash, n node) int32 {
	at := int32(len(e.nodes))
	e.nodes = append(e.nodes, n)
	e.index[h] = at
	e.report.Steps = max(e.report.Steps, int(n.steps))
	return at
}

// ordinaryWays adds to a layer what ordinary steps make of its states. Each must lead to an end, for that is how an asset
// goes on that has no more trouble (invariant 10): to a settled state, or to one from which that is known.
func (e *explorer) ordinaryWays(layer []found) []found {
	for _, at := range layer[:len(layer):len(layer)] {
		if len(e.nodes) >= e.bounds.States {
			break
		}
		begun, settled := int32(len(e.nodes)), false
		for steps := 0; ; steps++ {
			if at.settled() {
				settled = true
				e.report.Final++
			}
			if steps == maxOrdinary {
				e.report.Broken = e.violation(e.path(at.node), stuck())
				return layer
			}
			e.report.Transitions++
			st := e.apply(at.state, Go)
			if st.broken != nil {
				e.report.Broken = e.violation(append(e.path(at.node), Go), st.broken)
				return layer
			}
			h := e.hash(st)
			if known, seen := e.index[h]; seen {
				if own := known >= begun || known == at.node; own && !settled {
					e.report.Broken = e.violation(e.path(at.node), stuck())
				}
				break
			}
			at = found{st, e.add(h, node{at.node, e.nodes[at.node].steps + 1, Go})}
			layer = append(layer, at)
		}
		if e.report.Broken != nil {
			return layer
		}
	}
	return layer
}

// expand tries every choice out of the ordinary in a state, and appends the new states to next.
func (e *explorer) expand(from found, next []found) []found {
	for _, c := range e.options(from.state)[1:] {
		e.report.Transitions++
		st := e.apply(from.state, c)
		if st.broken != nil {
			e.report.Broken = e.violation(append(e.path(from.node), c), st.broken)
			return next
		}
		h := e.hash(st)
		if _, seen := e.index[h]; seen {
			continue
		}
		if len(e.nodes) >= e.bounds.States {
			e.report.Refused++
			continue
		}
		next = append(next, found{st, e.add(h, node{from.node, e.nodes[from.node].steps + 1, c})})
	}
	return next
}

func stuck() *Broken {
	return &Broken{Invariant: 10, Text: "with an agent that keeps calling, no end is reached"}
}

// path lists the choices that lead to a node.
func (e *explorer) path(n int32) []Choice {
	var path []Choice
	for ; e.nodes[n].parent >= 0; n = e.nodes[n].parent {
		path = append(path, e.nodes[n].choice)
	}
	slices.Reverse(path)
	return path
}
