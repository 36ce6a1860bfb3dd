package controller

import "sync"

// memo remembers values that depend on their keys alone, so none of them is
// ever out of date. Its zero value is not bounded: see newMemo. It is safe for
// concurrent use.
type memo[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]V
	size   int
	limit  int
}

// newMemo returns a memo for values of a total size.
func newMemo[K comparable, V any](limit int) *memo[K, V] {
	return &memo[K, V]{values: map[K]V{}, limit: limit}
}

func (m *memo[K, V]) get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, found := m.values[k]
	return v, found
}

// put remembers a value of a size. If there is no room, it forgets all others;
// they come back when they are asked for again.
func (m *memo[K, V]) put(k K, v V, size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, had := m.values[k]; had {
		return
	}
	size++ // an empty value takes room, too
	if m.size += size; m.size > m.limit {
		clear(m.values)
		m.size = size
	}
	m.values[k] = v
}
