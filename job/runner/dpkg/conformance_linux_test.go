package dpkg_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/platformtest"
	"github.com/stretchr/testify/require"
)

func TestConformance(t *testing.T) {
	need(t)
	platformtest.Run(t, func(t *testing.T) platformtest.Subject {
		w := newWorld(t, deb("good", "1"), deb("other", "1"), deb("broken", "1"), deb("hangs", "1"), deb("older", "2"))
		garbage := platformtest.Patch{Order: w.order(deb("good", "2")), Files: []string{filepath.Join(w.debs, "garbage.deb")}}
		require.NoError(t, os.WriteFile(garbage.Files[0], []byte("no package"), 0o600))
		return platformtest.Subject{
			Platform: w.p,
			Good:     w.patch(deb("good", "2")),
			Other:    w.patch(deb("other", "1:0.5")),
			Broken:   w.patch(withScript(deb("broken", "2"), "postinst", "exit 3")),
			Hangs:    w.patch(withScript(deb("hangs", "2"), "postinst", "trap '' TERM\n[ -e /asked ] && exit 0\ntouch /asked\nwhile :; do sleep 1; done")),
			Absent:   w.patch(deb("absent", "1")),
			Older:    w.patch(deb("older", "1")),
			NotAFile: garbage,
			Exit: func(code int) job.Action {
				return job.Action{Name: "exit", Command: []string{"sh", "-c", fmt.Sprintf("echo exit %d >&2; exit %d", code, code)}}
			},
			Missing: job.Action{Name: "missing", Command: []string{"no-such-program"}},
		}
	})
}
