package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
)

// The server orders "sh -c". An agent whose policy allows no command does not
// get the order, and the preview says why. One whose policy allows another
// command refuses the order, names the action and runs nothing. One whose
// policy has the script's digest runs it.
func TestActionsUnderPolicy_INT10(t *testing.T) {
	const script = "echo ran > /ran"
	w := newWorld(t, deb("demo", "1"))
	w.repo.publish(deb("demo", "2"))
	w.server.synced()
	w.server.job("j", w.asset.name, job.Action{Name: "drain", Command: []string{"sh", "-c", script}})
	ran := filepath.Join(w.root, "ran")

	for i, tc := range []struct {
		commands, text string // the policy's; what the result says
		unsure         bool   // the server does not know
	}{
		{``, `The action "drain" may not run: the agent runs no actions`, false},
		{`{"name": "true", "command": ["true"]}`, `The action "drain" may not run: no command of signer policy sha256:`, true},
		{fmt.Sprintf(`{"name": "drain", "command": ["sh", "-c"], "script": "sha256:%x"}`, sha256.Sum256([]byte(script))), "", true},
	} {
		policy := `{"format": 1, "clauses": [{"name": "all", "vendor": "*", "product": "*", "allowUnsigned": true}], "commands": [` + tc.commands + `]}`
		require.NoError(t, os.WriteFile(filepath.Join(w.asset.state, "policy.json"), []byte(policy), 0o600))
		w.asset.start()
		w.server.knows(w.asset.name)
		await(t, "the server to know what the agent can do", func() bool {
			x := ask[adminhttp.Preview](w.server, "job", "preview", "j", "--asset", string(w.asset.name)).Obstacle
			return x.Rule == "INT-10" && x.Unsure == tc.unsure
		})
		before := len(w.asset.journal())
		run := job.RunID("")
		if i == 0 {
			run = w.server.enable("j")
		} else {
			run = ask[adminhttp.Enabled](w.server, "job", "run", "j").Run
		}
		a := w.server.ended(run)
		w.asset.idle()
		if tc.text == "" {
			require.Equal(t, job.Completed, a.Result, a.Text)
			require.FileExists(t, ran)
			w.has("demo", "2")
		} else {
			require.Equal(t, job.Failed, a.Result, a.Text)
			require.Contains(t, a.Text, tc.text)
			require.NoFileExists(t, ran)
			w.has("demo", "1")
			require.Len(t, a.Patches, 1)
			require.Equal(t, job.PatchInstallationSkipped, a.Patches[0].Code)
			require.Equal(t, "INT-10", a.Patches[0].Rule)
		}
		if !tc.unsure {
			require.Len(t, w.asset.journal(), before, "the order was not handed out")
		} else {
			agree(t, w.asset, a)
		}
		w.asset.stop()
	}
}
