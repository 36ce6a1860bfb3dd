package explore

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// Package agentsim understands the words of every choice. Only turns have none.
func TestWordsAreUnderstood(t *testing.T) {
	said, played := map[Choice]bool{}, map[string]bool{}
	for _, w := range Worlds() {
		s, err := newScene(w, driver{})
		require.NoError(t, err)
		scenarioWriter := &scenarioWriter{scene: s}
		var lines []string
		wander(t, s, fewer(12, 6), 60, func(st *state, _ move) {
			for _, m := range s.moves(st) {
				for _, words := range s.say(st, m) {
					said[m.choice] = true
					if !slices.Contains(lines, words) {
						lines = append(lines, words)
					}
				}
			}
		})
		require.NotEmpty(t, lines)
		for _, words := range lines {
			if played[words] { // in another world
				continue
			}
			played[words] = true
			before := ""
			if clone := "web-1 is cloned as web-2"; w.Copy && words != clone {
				before = "+1s " + clone + "\n"
			}
			script, err := agentsim.ParseScript(w.Name, scenarioWriter.world()+before+"+5s "+words+"\n")
			require.NoError(t, err)
			_, err = script.Play(agentsim.Config{})
			require.NoError(t, err)
		}
	}
	for _, c := range choices.All() {
		require.Equal(t, !slices.Contains([]Choice{Go, Time, Arrive, Work, SecondFirst}, c), said[c], "%s", c)
	}
}
