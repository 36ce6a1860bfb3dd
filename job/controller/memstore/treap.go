package memstore

// node is the root of an immutable treap: a search tree by key, a heap by priority. A change copies the path to it, so
// whoever holds an old root keeps an old state.
type node struct {
	key         string
	value       []byte
	priority    uint64
	left, right *node
}

// priority spreads keys evenly and the same way each time, which keeps the tree shallow (FNV-1a and a final mix).
func priority(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func (n *node) find(key string) *node {
	for n != nil && n.key != key {
		if key < n.key {
			n = n.left
		} else {
			n = n.right
		}
	}
	return n
}

// walk visits keys in [from, to) in order until visit says no; an empty to is no bound.
func (n *node) walk(from, to string, visit func(*node) bool) bool {
	if n == nil {
		return true
	}
	if from < n.key && !n.left.walk(from, to, visit) {
		return false
	}
	if from <= n.key {
		if to != "" && n.key >= to {
			return false
		}
		if !visit(n) {
			return false
		}
	}
	return n.right.walk(from, to, visit)
}

func (n *node) put(key string, value []byte) *node {
	if n == nil {
		return &node{key: key, value: value, priority: priority(key)}
	}
	c := *n
	switch {
	case key == n.key:
		c.value = value
	case key < n.key:
		c.left = n.left.put(key, value)
		if l := c.left; l.priority > c.priority { // l is a fresh copy
			c.left, l.right = l.right, &c
			return l
		}
	default:
		c.right = n.right.put(key, value)
		if r := c.right; r.priority > c.priority {
			c.right, r.left = r.left, &c
			return r
		}
	}
	return &c
}

func (n *node) remove(key string) *node {
	if n == nil {
		return nil
	}
	if key == n.key {
		return join(n.left, n.right)
	}
	c := *n
	if key < n.key {
		c.left = n.left.remove(key)
	} else {
		c.right = n.right.remove(key)
	}
	return &c
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
