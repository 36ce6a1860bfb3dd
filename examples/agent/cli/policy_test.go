package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

const (
	anyUnsigned = `{"format": 1, "clauses": [{"name": "packages", "vendor": "*", "product": "*", "allowUnsigned": true}]}`
	nobody      = `{"format": 1, "clauses": [{"name": "nothing", "vendor": "*", "product": "*"}]}`
)

// outcome is the result of an order's only patch.
func (s *server) outcome(t *testing.T, order job.OrderID) job.PatchOutcome {
	_, _, reports := s.said()
	for _, r := range reports {
		if r.Order == order && r.Result != 0 {
			require.Len(t, r.Patches, 1)
			require.NotNil(t, r.Patches[0].Check)
			return r.Patches[0]
		}
	}
	require.Fail(t, "no result of "+string(order))
	return job.PatchOutcome{}
}

func excerptOf(t *testing.T, text string) integrity.Excerpt {
	t.Helper()
	p, err := integrity.ParsePolicy([]byte(text))
	require.NoError(t, err)
	return p.Excerpt()
}

// The real agent checks a server's orders against the policy kept by enrol, or
// given with --policy. Nothing is installed that it does not allow, and an
// order made under another policy is refused by name (INT-4).
func TestAgentIsHeldToItsPolicy_INT4(t *testing.T) {
	a := newAsset(t)
	a.run(t) // the inventory
	pinned := filepath.Join(a.state, "policy.json")
	require.NoFileExists(t, pinned)

	start := time.Now().Add(-time.Minute)
	for i, tc := range []struct {
		name, pinned, flag, order string
		want                      integrity.Reason
	}{
		{"pinned, and nothing passes", nobody, "", "", integrity.SignatureMissing},
		{"talked into a weaker one", nobody, "", anyUnsigned, integrity.PolicyMismatch},
		{"given with the flag", "", nobody, nobody, integrity.SignatureMissing},
		{"the flag comes before what is pinned", nobody, anyUnsigned, anyUnsigned, integrity.ChecksumMatched},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.pinned == "" {
				require.NoError(t, os.RemoveAll(pinned))
			} else {
				require.NoError(t, os.WriteFile(pinned, []byte(tc.pinned), 0o600))
			}
			a.startAt(start.Add(time.Duration(i) * time.Second))
			a.order.SignerPolicy = integrity.Excerpt{}
			if tc.order != "" {
				a.order.SignerPolicy = excerptOf(t, tc.order)
			}
			a.server.hand(manifest.Revision(2+i), a.order)
			args := []string{"run", "--state", a.state, "--root", a.root, "--local-files", a.files, "--check-in-every", "100ms", "--until-idle"}
			if tc.flag != "" {
				args = append(args, "--policy", put(t, "flag.json", tc.flag))
			}
			code, _, log := call(t, args...)
			require.Equal(t, OK, code, log)
			outcome := a.server.outcome(t, a.order.ID)
			require.Equal(t, tc.want, outcome.Check.Reason, outcome.Text)
			is, err := debroot.Version(t.Context(), a.root, "demo")
			require.NoError(t, err)
			if tc.want == integrity.ChecksumMatched {
				require.Equal(t, "ii 2", is)
				return
			}
			require.Equal(t, job.FileSignatureFailed, outcome.Code)
			require.Equal(t, "ii 1", is)
		})
	}
	require.NoError(t, os.WriteFile(pinned, []byte("{}"), 0o600))
	code, _, text := call(t, "run", "--state", a.state, "--root", a.root)
	require.Equal(t, Usage, code)
	require.Contains(t, text, "policy.json")
}

// A server orders a command as root, whatever it knows about the agent. An
// action that may not run does not run, nothing is installed, and the result
// names the action (INT-10).
func TestActionsOfAHostileServer_INT10(t *testing.T) {
	a := newAsset(t)
	a.run(t) // the inventory
	ran := filepath.Join(a.root, "ran")
	hostile := job.Action{Name: "innocent", Command: []string{"sh", "-c", "echo x > /ran"}}
	allowing := strings.TrimSuffix(anyUnsigned, "}") + `, "commands": [{"name": "a", "command": ["sh", "-c", "echo x > /ran"]}]}`
	start, revision := time.Now().Add(-time.Minute), manifest.Revision(1)
	for _, tc := range []struct {
		name, pinned, actions string
		post, runs            bool
	}{
		{"a policy without commands", anyUnsigned, "", false, false},
		{"the same, said by name", anyUnsigned, "policy", false, false},
		{"after the patches", anyUnsigned, "", true, false},
		{"none, though the policy allows it", allowing, "none", false, false},
		{"none, without a policy", "", "none", false, false},
		{"allowed", allowing, "", false, true},
		{"all beside a policy", anyUnsigned, "all", true, true},
		{"no policy", "", "", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pinned := filepath.Join(a.state, "policy.json")
			require.NoError(t, os.RemoveAll(ran))
			require.NoError(t, os.RemoveAll(pinned))
			if tc.pinned != "" {
				require.NoError(t, os.WriteFile(pinned, []byte(tc.pinned), 0o600))
			}
			revision++
			a.startAt(start.Add(time.Duration(revision) * time.Second))
			a.order.Pre, a.order.Post = []job.Action{hostile}, nil
			if tc.post {
				a.order.Pre, a.order.Post = nil, a.order.Pre
			}
			a.server.hand(revision, a.order)
			args := []string{"run", "--state", a.state, "--root", a.root, "--local-files", a.files, "--check-in-every", "100ms", "--until-idle"}
			if tc.actions != "" {
				args = append(args, "--actions", tc.actions)
			}
			code, _, log := call(t, args...)
			require.Equal(t, OK, code, log)
			_, _, reports := a.server.said()
			last := reports[len(reports)-1]
			require.Equal(t, a.order.ID, last.Order)
			is, err := debroot.Version(t.Context(), a.root, "demo")
			require.NoError(t, err)
			if tc.runs {
				require.FileExists(t, ran)
				return
			}
			require.NoFileExists(t, ran)
			require.Equal(t, "ii 1", is)
			require.Equal(t, job.Failed, last.Result)
			require.Contains(t, last.Text, `The action "innocent" may not run`)
			require.Equal(t, []any{job.PatchInstallationSkipped, "INT-10"}, []any{last.Patches[0].Code, last.Patches[0].Rule})
			require.Empty(t, last.Actions)
		})
	}
	for _, actions := range []string{"some", "policy"} {
		code, _, text := call(t, "run", "--state", a.state, "--root", a.root, "--actions", actions)
		require.Equal(t, Usage, code)
		require.Contains(t, text, "--actions")
	}
}

// Enrol keeps the policy it is given, and status shows it.
func TestEnrolWithAPolicy(t *testing.T) {
	s := newServer(t)
	state := filepath.Join(t.TempDir(), "state")
	code, out, text := call(t, "enrol", "--state", state, "--server", s.url, "--token-file", put(t, "token", token), "--name", "web-1", "--policy", put(t, "p.json", anyUnsigned))
	require.Equal(t, OK, code, text)
	digest := excerptOf(t, anyUnsigned).Digest.String()
	require.Contains(t, out, "signer policy "+digest)
	code, out, text = call(t, "status", "--state", state)
	require.Equal(t, OK, code, text)
	require.Contains(t, out, "policy     "+digest)
}
