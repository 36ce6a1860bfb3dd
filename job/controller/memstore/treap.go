package memstore

import (
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// node is the root of an immutable treap: a search tree by table and key, a
// heap by priority. A change copies the path to it, so whoever holds an old
// root keeps an old state.
type node struct {
	key         controller.Key
	value       []byte
	priority    uint64
	left, right *node
}

// priority spreads keys evenly and the same way each time, which keeps the tree
// shallow (FNV-1a and a final mix).
func priority(key controller.Key) uint64 {
	h := uint64(14695981039346656037)
	for _, part := range []string{string(key.Table), key.Key} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
	}
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func (n *node) find(key controller.Key) []byte {
	for n != nil {
		switch order := key.Compare(n.key); {
		case order == 0:
			return n.value // nobody ever changes it
		case order < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

// walk visits the records from a key on, in order, until visit says no.
func (n *node) walk(from controller.Key, visit func(*node) bool) bool {
	if n == nil {
		return true
	}
	if from.Compare(n.key) > 0 {
		return n.right.walk(from, visit)
	}
	return n.left.walk(from, visit) && visit(n) && n.right.walk(from, visit)
}

// split makes two trees: the keys below key, and those above it.
func (n *node) split(key controller.Key) (below, above *node) {
	if n == nil {
		return nil, nil
	}
	c := *n
	switch order := key.Compare(n.key); {
	case order == 0:
		return n.left, n.right
	case order < 0:
		below, c.left = n.left.split(key)
		return below, &c
	default:
		c.right, above = n.right.split(key)
		return &c, above
	}
}

// join makes one tree of two, every key of a being lower than those of b.
func join(a, b *node) *node {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	if a.priority > b.priority {
		c := *a
		c.right = join(a.right, b)
		return &c
	}
	c := *b
	c.left = join(a, b.left)
	return &c
}
