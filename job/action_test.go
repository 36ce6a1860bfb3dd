package job

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What an agent with some capabilities, under some policy, says to an order, and what a server
// under some policy knows of it (INT-10, MAN-11).
func TestWhichActionsMayRun_INT10(t *testing.T) {
	policyOf := func(commands ...integrity.Command) integrity.Excerpt {
		return integrity.Policy{Format: integrity.PolicyFormat, Commands: commands}.Excerpt()
	}
	house := policyOf(integrity.Command{Name: "stop", Command: []string{"stop", "web"}})
	other, empty, none := policyOf(integrity.Command{Name: "x", Command: []string{"x"}}), policyOf(), integrity.Excerpt{}
	stop, wipe := Action{Name: "a", Command: []string{"stop", "web"}}, Action{Name: "b", Command: []string{"wipe"}}
	for _, tc := range []struct {
		name      string
		agent, of integrity.Excerpt // the agent's policy, and whose who decides
		can       []string          // nil: by the agent's policy
		pre, post []Action
		want      string // what the text contains; empty: no obstacle
		unsure    bool
	}{
		{"no policy", none, none, nil, []Action{wipe}, nil, "", false},
		{"no actions in it", empty, empty, []string{}, nil, nil, "", false},
		{"allowed", house, house, nil, []Action{stop}, []Action{stop}, "", false},
		{"one of two is not", house, house, nil, []Action{stop}, []Action{wipe}, `action "b" may not run: no command of signer policy sha256:` + house.Digest.Sum, false},
		{"the policy allows none", empty, empty, nil, []Action{stop}, nil, `action "a" may not run: the agent runs no actions`, false},
		{"none, as a server without a policy knows", empty, none, nil, nil, []Action{stop}, `action "a" may not run: the agent runs no actions`, false},
		{"set to run none", house, house, []string{}, []Action{stop}, nil, "runs no actions", false},
		{"set to run all", house, house, Capabilities(), []Action{wipe}, nil, "", false},
		{"a server without a policy", house, none, nil, []Action{wipe}, nil, "sha256:" + house.Digest.Sum + ", which is not known here", true},
		{"a server under another", house, other, nil, []Action{stop}, nil, "which is not known here", true},
		{"no digest at all", house, none, []string{runsAllowed}, []Action{stop}, nil, "not known here", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			can := tc.can
			if can == nil {
				can = CapabilitiesUnder(tc.agent)
			}
			require.NoError(t, ValidCapabilities(can))
			for _, needs := range [][]string{nil, {CanRunActions}} { // whoever made the order
				x := Order{Pre: tc.pre, Post: tc.post, Needs: needs}.Obstacle(can, tc.of)
				if tc.want == "" {
					require.Zero(t, x)
					continue
				}
				require.Contains(t, x.Text, tc.want)
				require.Equal(t, Obstacle{Rule: "INT-10", Text: x.Text, Code: PatchInstallationSkipped, Unsure: tc.unsure}, x)
				require.Equal(t, !tc.unsure, x.Stops())
			}
		})
	}
	long := Action{Name: strings.Repeat("n\x1b", 2000), Command: []string{strings.Repeat("\x1b[2J", 1000)}}
	x := Order{Pre: []Action{long}}.Obstacle(CapabilitiesUnder(house), house)
	require.Less(t, len(x.Text), 1000, "a server chose the words")
	require.NotContains(t, x.Text, "\x1b")
}
