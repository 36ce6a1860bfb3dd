package platformtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Subject is a platform in a known state, with patches to try on it. Each test
// gets a fresh one and may change it.
type Subject struct {
	Platform runner.Platform

	Good     Patch // upgrades an installed product, and needs nothing
	Other    Patch // upgrades another installed product, and needs nothing
	Broken   Patch // passes Preflight, and its installer fails
	Hangs    Patch // passes Preflight, upgrades another product than Good; its installer never ends, not even when it is asked to
	Absent   Patch // of a product that is not installed (CAT-3)
	Older    Patch // of a version lower than the installed one (CAT-3)
	NotAFile Patch // ordered like Good; its file is not an installer

	// Exit makes an action that writes "exit" and its exit code, and ends with
	// that code. Missing is an action whose program does not exist.
	Exit    func(code int) job.Action
	Missing job.Action
}

// Patch is one patch and the paths of its files.
type Patch struct {
	Order job.OrderPatch
	Files []string
}

// open opens the files of a patch, as the runner does.
func (p Patch) open(t *testing.T, index int) runner.Staged {
	t.Helper()
	s := runner.Staged{Index: index, Patch: p.Order}
	for _, name := range p.Files {
		f, err := os.Open(name)
		require.NoError(t, err, "the subject's file cannot be opened")
		t.Cleanup(func() { f.Close() })
		s.Files = append(s.Files, f)
	}
	return s
}
