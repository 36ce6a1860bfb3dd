package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A reboot is pending until the boot identity has changed and the system's own
// flag is gone (RBT-11).
func TestPendingReboot_RBT11(t *testing.T) {
	flag := func(boot string, since time.Time) manifest.CheckIn {
		return manifest.CheckIn{Boot: boot, Reboot: true, RebootSince: since}
	}
	plain := func(boot string) manifest.CheckIn { return manifest.CheckIn{Boot: boot} }
	old := t0.Add(-24 * time.Hour)

	p := ledger.PendingReboot{}.Heard(plain("a"), t0)
	require.Zero(t, p)
	p = p.Heard(flag("a", old), t0)
	require.Equal(t, ledger.PendingReboot{Since: old, Boot: "a"}, p)
	require.Equal(t, p, p.Heard(flag("a", t0), t0.Add(time.Hour)), "its age does not shrink")
	require.Equal(t, p, p.Heard(plain("a"), t0), "somebody removed the flag: the computer still needs it")
	p = p.Heard(flag("b", old), t0)
	require.Equal(t, ledger.PendingReboot{Since: old, Boot: "b"}, p, "the boot did not help")
	require.Zero(t, p.Heard(plain("c"), t0))

	require.Equal(t, t0, ledger.PendingReboot{}.Heard(flag("a", time.Time{}), t0).Since, "since when is not known: since now")
	require.Equal(t, t0, ledger.PendingReboot{}.Heard(flag("a", t0.Add(time.Hour)), t0).Since, "no clock is ahead of the server's")
	ahead := manifest.CheckIn{Boot: "a", Reboot: true, RebootSince: t0.Add(time.Hour), Offset: -2 * time.Hour}
	require.Equal(t, t0.Add(-time.Hour), ledger.PendingReboot{}.Heard(ahead, t0).Since, "by the corrected clock (MAN-8)")

	waits := order(ledger.Open, held, stage(job.StageReboot), result(job.PendingReboot), func(e *ledger.Entry) { e.At = old })
	kept := ledger.PendingReboot{}.Keep(waits, "a")
	require.Equal(t, ledger.PendingReboot{Since: old, Boot: "a"}, kept)
	require.Zero(t, ledger.PendingReboot{}.Keep(order(ledger.Open, held), "a"))
	earlier := ledger.PendingReboot{Since: old.Add(-time.Hour), Boot: "a"}
	require.Equal(t, earlier, earlier.Keep(waits, "a"))
}
