package catalog

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// edgeKind is one of the two relations between patches that must have no cycle.
type edgeKind struct {
	noun, verb string
	to         func(p *Patch) []PatchID
}

var (
	supersedence = edgeKind{"supersedence", "supersedes", func(p *Patch) []PatchID { return p.Supersedes }}
	requirements = edgeKind{"requirement", "requires", func(p *Patch) (ids []PatchID) {
		for _, r := range p.Requires {
			ids = append(ids, r.Patch)
		}
		return ids
	}}
)

// edgesOf resolves a relation among n patches that are sorted by id: for each
// patch, the indexes that it points to. It leaves out unknown ids and patches
// of another authority (CAT-17). It returns nil if there are no edges.
func edgesOf(n int, patch func(i int) *Patch, authority func(i int) string, kind edgeKind) (edges [][]int32) {
	for i := range n {
		for _, id := range kind.to(patch(i)) {
			to, found := sort.Find(n, func(k int) int { return cmp.Compare(id, patch(k).ID) })
			if !found || authority(to) != authority(i) {
				continue
			}
			if edges == nil {
				edges = make([][]int32, n)
			}
			edges[i] = append(edges[i], int32(to))
		}
	}
	return edges
}

// cycles returns the strongly connected components that contain a cycle, each
// sorted, ordered by their first member. It is Tarjan's algorithm with its own
// stack, because a feed decides how deep it goes.
func cycles(edges [][]int32) [][]int32 {
	type frame struct{ node, edge int32 }
	var (
		found   [][]int32
		counter int32
		order   = make([]int32, len(edges)) // 0: not visited; math.MaxInt32: its component is known
		low     = make([]int32, len(edges))
		stack   []int32
		calls   []frame
	)
	visit := func(node int32) {
		counter++
		order[node], low[node] = counter, counter
		stack = append(stack, node)
		calls = append(calls, frame{node: node})
	}
	for root := range edges {
		if order[root] != 0 || len(edges[root]) == 0 {
			continue
		}
		visit(int32(root))
		for len(calls) > 0 {
			f := &calls[len(calls)-1]
			if int(f.edge) < len(edges[f.node]) {
				node, to := f.node, edges[f.node][f.edge]
				f.edge++
				if order[to] == 0 {
					visit(to)
				} else {
					low[node] = min(low[node], order[to])
				}
				continue
			}
			node := f.node
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				parent := calls[len(calls)-1].node
				low[parent] = min(low[parent], low[node])
			}
			if low[node] != order[node] {
				continue
			}
			at := len(stack) - 1
			for stack[at] != node {
				at--
			}
			component := slices.Clone(stack[at:])
			stack = stack[:at]
			for _, member := range component {
				order[member] = math.MaxInt32
			}
			if len(component) > 1 || slices.Contains(edges[node], node) {
				slices.Sort(component)
				found = append(found, component)
			}
		}
	}
	slices.SortFunc(found, func(a, b []int32) int { return int(a[0]) - int(b[0]) })
	return found
}

// shortestCycle finds a shortest path from the first member of a component back
// to itself.
func shortestCycle(edges [][]int32, members []int32) []int32 {
	start := members[0]
	from := make(map[int32]int32, len(members))
	for open := []int32{start}; len(open) > 0; open = open[1:] {
		for _, to := range edges[open[0]] {
			if to == start {
				var path []int32
				for node := open[0]; node != start; node = from[node] {
					path = append(path, node)
				}
				path = append(path, start)
				slices.Reverse(path)
				return path
			}
			_, inside := slices.BinarySearch(members, to)
			if _, seen := from[to]; inside && !seen {
				from[to] = open[0]
				open = append(open, to)
			}
		}
	}
	return []int32{start}
}
