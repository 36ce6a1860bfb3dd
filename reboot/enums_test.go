package reboot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnums(t *testing.T) {
	require.Len(t, Phases(), int(Rebooted))
	for _, p := range Phases() {
		text, err := p.MarshalText()
		require.NoError(t, err)
		var u Phase
		require.NoError(t, u.UnmarshalText(text))
		back, err := ParsePhase(p.String())
		require.NoError(t, err)
		require.Equal(t, [2]Phase{p, p}, [2]Phase{u, back})
	}
	require.Len(t, AllSessions(), int(Locked))
	for _, s := range AllSessions() {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var u Sessions
		require.NoError(t, u.UnmarshalText(text))
		back, err := ParseSessions(s.String())
		require.NoError(t, err)
		require.Equal(t, [2]Sessions{s, s}, [2]Sessions{u, back})
	}
	_, err := ParsePhase("Prompting")
	require.Error(t, err)
	_, err = ParseSessions("")
	require.Error(t, err)
	_, err = Phase(200).MarshalText()
	require.Error(t, err)
	require.Equal(t, "sessions(200)", Sessions(200).String())
}
