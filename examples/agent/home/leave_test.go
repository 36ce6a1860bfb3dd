package home

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// identified returns a folder with everything that an agent leaves in it.
func identified(t *testing.T) (Home, Identity) {
	h := made(t)
	_, err := h.MakeKey(false)
	require.NoError(t, err)
	id := Identity{Server: "http://127.0.0.1", Asset: "web-1", Trust: trust(t), Every: time.Minute}
	require.NoError(t, h.Save(id))
	require.NoError(t, h.SavePolicy(integrity.Policy{Format: 1, Clauses: []integrity.Clause{{Name: "all", Vendor: "*", Product: "*"}}}))
	for _, name := range []string{"state.db", "status.json", "journal.jsonl", "journal.1.jsonl"} {
		require.NoError(t, os.WriteFile(h.file(name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(h.Stage(), 0o700))
	return h, id
}

// A machine that enrols again keeps its signer policy and nothing else of the
// old identity. If it is interrupted between any two steps, the enrolment is
// repeated with the same key.
func TestEnrolAgain_MAN10(t *testing.T) {
	for cut := range 4 {
		h, id := identified(t)
		old, err := h.MakeKey(false)
		require.NoError(t, err)
		next, err := h.MakeKey(true)
		require.NoError(t, err)
		require.NotEqual(t, old, next)
		id.Asset = "second"
		switch cut { // what a crash after so many steps left
		case 1:
			require.NoError(t, h.forget())
		case 2:
			data, err := h.read(nextKey)
			require.NoError(t, err)
			require.NoError(t, h.write("agent.key", data))
		case 3:
			require.NoError(t, h.Save(id))
		}
		again, err := h.MakeKey(true)
		require.NoError(t, err)
		require.Equal(t, next, again)
		require.NoError(t, h.Become(id, true))
		got, key, err := h.Load()
		require.NoError(t, err)
		require.Equal(t, next, key)
		require.Equal(t, "second", string(got.Asset))
		policy, err := h.Policy()
		require.NoError(t, err)
		require.NotNil(t, policy, "it is held to its policy still")
		for _, name := range []string{"state.db", "status.json", "journal.jsonl", "journal.1.jsonl", "stage", nextKey} {
			require.NoFileExists(t, h.file(name))
			require.NoDirExists(t, h.file(name))
		}
		require.FileExists(t, h.file("former/journal.jsonl"))
	}
}

// A machine that leaves keeps only its journal. The next enrolment deletes what
// a crash left.
func TestLeave_MAN10(t *testing.T) {
	h, id := identified(t)
	require.NoError(t, h.Leave())
	require.False(t, h.Enrolled())
	list, err := os.ReadDir(string(h))
	require.NoError(t, err)
	require.Len(t, list, 1, "%v", list)
	require.NoError(t, h.Leave(), "again")

	require.NoError(t, os.WriteFile(h.file("state.db"), []byte("of the identity before"), 0o600))
	_, err = h.MakeKey(false)
	require.NoError(t, err)
	require.NoError(t, h.Become(id, false))
	require.NoFileExists(t, h.file("state.db"))
}
