package storetest

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Harness connects the suite to an implementation.
type Harness struct {
	// Open opens the store called name, and creates it if the sub-test t has
	// not opened that name before. The suite closes it. One database may serve
	// all names, all sub-tests and all runs: each sub-test uses tables of its
	// own, under random names, and leaves its records there.
	Open func(t *testing.T, name string) controller.Store
	// Durable says that a store keeps its records when it is closed, and that
	// one name can be open twice.
	Durable bool
	// FullDisk makes all writes to s fail as on a full disk, until mend is
	// called. Nil leaves that out, for a store without a disk.
	FullDisk func(t *testing.T, s controller.Store) (mend func())
	// FailCommits makes the commit of every Update of s that writes fail, until
	// mend is called. Nil leaves that out, for a store whose commits cannot fail.
	FailCommits func(t *testing.T, s controller.Store) (mend func())
}

type test struct {
	holds string // the sentence
	run   func(*suite)
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	tests := slices.Concat(records, transactions, endings)
	if h.Durable {
		tests = append(tests, durable...)
	}
	if h.FullDisk != nil {
		tests = append(tests, test{"a write that fails undoes its Update, and later ones work again", fullDisk})
	}
	if h.FailCommits != nil {
		tests = append(tests, test{"a commit that fails undoes its Update, and later ones work again", failCommits})
	}
	for _, c := range tests {
		t.Run(c.holds, func(t *testing.T) {
			s := &suite{T: t, Harness: h, table: table("t_" + strings.ToLower(rand.Text()[:12]))}
			s.store = s.open("store")
			c.run(s)
		})
	}
}

// suite is what a sub-test works with. Nobody else uses its table, nor tables whose names begin with that one's.
type suite struct {
	*testing.T
	Harness
	table
	store controller.Store
}

func (s *suite) open(name string) controller.Store {
	store := s.Open(s.T, name)
	s.Cleanup(func() { _ = store.Close() })
	return store
}
