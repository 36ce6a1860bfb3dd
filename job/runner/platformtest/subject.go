package platformtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Subject is a platform in a known state, with patches to try on it. Each test gets a fresh one, and may change it.
type Subject struct {
	Platform runner.Platform

	Good     Patch // upgrades an installed product, and needs nothing
	Other    Patch // upgrades another installed product, and needs nothing
	Broken   Patch // passes Preflight, and its installer fails
	Hangs    Patch // passes Preflight, upgrades another product than Good, and its installer ends neither by itself nor when it is asked to
	Absent   Patch // of a product that is not installed (CAT-3)
	Older    Patch // of a version lower than the installed one (CAT-3)
	NotAFile Patch // ordered like Good, and its file is no installer at all

	// Exit makes an action that writes "exit" and its exit code, and ends with it; Missing is one whose program does not exist.
	Exit    func(code int) job.Action
	Missing job.Action
}

// Patch is one patch and the paths of its files.
type Patch struct {
	Order job.OrderPatch
	Files []string
}

// open opens a patch's files as the runner does.
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
