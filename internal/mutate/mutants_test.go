package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMutantsOfOneFile(t *testing.T) {
	src := `package p

func f(a, b int) bool {
	g()
	if a < b+1 && true {
		a++
	}
	return false
}
`
	list, err := mutantsIn("p.go", []byte(src))
	require.NoError(t, err)
	var what []string
	for _, m := range list {
		what = append(what, m.what)
		require.NotEqual(t, src, string(m.code))
	}
	require.ElementsMatch(t, []string{"statement left out", "statement left out", "condition negated", "&& becomes ||", "< becomes <=", "< becomes >=",
		"+ becomes -", "1 becomes 2", "true becomes false", "false becomes true"}, what)
}

// A mutant that a test notices is killed, one that none notices survives, one whose tests
// do not end is told apart, and one that does not compile is none of these.
func TestFates(t *testing.T) {
	list, err := mutantsOf("testdata/watched")
	require.NoError(t, err)
	require.NotEmpty(t, list)
	for _, m := range list {
		want, timeout := killed, time.Minute
		switch {
		case m.at.Line > 14: // what no test calls
			want = survived
		case m.what == "statement left out": // of upTo's loop
			want, timeout = hung, 2*time.Second
		}
		got, err := try(m, []string{"./testdata/watched"}, timeout)
		require.NoError(t, err)
		require.Equal(t, want, got, "line %d: %s", m.at.Line, m.what)
		m.code = []byte("package watched\nfunc")
		got, err = try(m, []string{"./testdata/watched"}, time.Minute)
		require.NoError(t, err)
		require.Equal(t, invalid, got)
	}
}
