package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// enrolAgain gives the computer a new identity under a name.
func (a *asset) enrolAgain(s *server, name job.AssetID) {
	a.t.Helper()
	token := filepath.Join(a.t.TempDir(), "token")
	require.NoError(a.t, os.WriteFile(token, []byte(s.token()), 0o600))
	args := []string{"enrol", "--server", s.wire.url, "--token-file", token, "--name", string(name), "--state", a.state}
	if _, err := os.Stat(filepath.Join(a.state, "agent.json")); err == nil {
		_, text, err := try(a.t, program(a.t, "agent"), args...)
		require.Error(a.t, err)
		require.Contains(a.t, text, "--again")
	}
	output(a.t, program(a.t, "agent"), append(args, "--again")...)
	a.name = name
}

// An asset is removed while it has an order queued. Its agent learns of it,
// starts nothing more, and says what to do. Enrolled again under the same name,
// the computer is patched as a new asset (MAN-10, JOB-24).
func TestRemovedAssetHearsOfIt_MAN10(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.repo.publish(deb("alpha", "2"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	w.asset.idle()
	ask[any](w.server, "asset", "remove", string(w.asset.name))
	await(t, "the agent to learn that it was removed", func() bool {
		return strings.Contains(w.asset.p.said(20_000), "was removed")
	})
	w.has("alpha", "1")
	w.asset.stop()
	w.asset.enrolAgain(w.server, w.asset.name)
	w.asset.start()
	w.server.knows(w.asset.name)
	require.Equal(t, job.Completed.String(), w.run("now").Result.String())
	w.has("alpha", "2")
}

// An agent leaves its server. The server no longer lists it, no part of the
// identity stays, and the computer can enrol anywhere.
func TestAgentLeaves_MAN10(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.asset.start()
	w.server.knows(w.asset.name)
	_, text, err := try(t, program(t, "agent"), "leave", "--state", w.asset.state)
	require.Error(t, err)
	require.Contains(t, text, "stop it first")
	w.asset.stop()
	output(t, program(t, "agent"), "leave", "--state", w.asset.state)
	require.Empty(t, w.server.assets())
	for _, name := range []string{"agent.json", "agent.key", "state.db"} {
		require.NoFileExists(t, filepath.Join(w.asset.state, name))
	}
	_, text, err = try(t, program(t, "agent"), "leave", "--state", w.asset.state)
	require.Error(t, err)
	require.Contains(t, text, "no agent is enrolled")
	w.asset.enrolAgain(w.server, "other")
	w.asset.start()
	w.server.knows("other")
}

// A state folder is copied to a second computer, and both call. Neither starts
// anything new, and the asset is listed with what to do. Once the copy is
// enrolled again and the asset settled, the work goes on (MAN-9).
func TestCopiedStateFolder_MAN9(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.repo.publish(deb("alpha", "2"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	w.asset.stop()
	copy := *w.asset
	copy.state = filepath.Join(t.TempDir(), "agent")
	copy.log = copy.state + ".log"
	output(t, "cp", "--archive", w.asset.state, copy.state)
	cloned := func() []controller.AssetStatus { return ask[[]controller.AssetStatus](w.server, "report", "cloned") }
	require.Empty(t, cloned())

	// The copy has its own boot identity, like another computer.
	boot := filepath.Join(t.TempDir(), "boot_id")
	require.NoError(t, os.WriteFile(boot, []byte("1e8e7f2a-0000-4000-8000-000000000002\n"), 0o600))
	w.asset.start()
	copy.p = start(t, "agent copy", copy.log, "unshare", "--mount", "sh", "-c", `mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"`, boot,
		program(t, "agent"), "run", "--state", copy.state, "--root", copy.root, "--check-in-every", copy.every.String())
	await(t, "the server to see two computers", func() bool { return len(cloned()) == 1 })
	require.Contains(t, cloned()[0].Cloned.Text, "agent enrol --again")
	copy.stop()
	copy.enrolAgain(w.server, "second")
	ask[any](w.server, "asset", "settle", string(w.asset.name))
	require.Empty(t, cloned())
	require.Equal(t, job.Completed.String(), w.run("now").Result.String())
}
