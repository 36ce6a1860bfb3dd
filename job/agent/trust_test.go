package agent

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// chainOf are versions of a trust document: the root key is private, the n-th
// manifest key signingKey(n).
func chainOf(t testing.TB, versions int) (chain manifest.Chain) {
	exchange, err := manifest.AgentExchange(private)
	require.NoError(t, err)
	d := manifest.NewTrust(manifest.Ed25519(private.Public().(ed25519.PublicKey)), manifest.PublicKey{}, exchange, epoch.Add(-24*time.Hour))
	d.Expires = epoch.Add(100 * time.Hour)
	for n := 1; n <= versions; n++ {
		d.Version, d.Manifest = uint64(n), []manifest.PublicKey{manifest.Ed25519(signingKey(n).Public().(ed25519.PublicKey))}
		sealed, err := manifest.SealTrust(d, manifest.NewSigner(private))
		require.NoError(t, err)
		chain = append(chain, sealed)
	}
	return chain
}

func firstOf(t testing.TB) manifest.Trust {
	first, err := manifest.OpenTrust(chainOf(t, 1)[0])
	require.NoError(t, err)
	return first
}

func signingKey(n int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+n)), 32)))
}

func signedBy(t testing.TB, n int, revision manifest.Revision) []byte {
	sealed, err := manifest.Seal(manifest.Document{
		Format: 1, Asset: "web-1", Revision: revision, Issued: epoch.Add(-6 * time.Hour), Expires: epoch.Add(100 * time.Hour),
	}, manifest.NewSigner(signingKey(n)))
	require.NoError(t, err)
	return sealed
}

// agentOf is an agent that was enrolled with the first version.
type trusting struct {
	t  *testing.T
	c  Config
	s  State
	at Moment
}

func newTrusting(t *testing.T) *trusting {
	a := &trusting{t: t, c: Config{Asset: "web-1", Trust: firstOf(t)}, at: Moment{Wall: epoch, BootID: "b"}}
	a.s, _ = Step(a.c, State{}, Started{}, a.at)
	return a
}

// hears gives the answer to the call that is out, or to one that is made for it.
func (a *trusting) hears(answer manifest.Answer) {
	answer.At = a.at.Wall
	if a.s.Calls.Out == 0 {
		a.at.Wall, a.at.Up = a.at.Wall.Add(time.Hour), a.at.Up+time.Hour
		answer.At = a.at.Wall
		a.s, _ = Step(a.c, a.s, Tick{}, a.at)
	}
	require.NotZero(a.t, a.s.Calls.Out)
	a.s, _ = Step(a.c, a.s, CallDone{ID: a.s.Calls.Out, Answer: answer}, a.at)
	data, err := a.s.MarshalBinary()
	require.NoError(a.t, err)
	var back State
	require.NoError(a.t, back.UnmarshalBinary(data))
	a.s = back
}

func (a *trusting) refused() (texts []string) {
	for _, r := range a.s.Reports {
		if r.Refused != "" {
			texts = append(texts, r.Refused)
		}
	}
	return texts
}

// An agent that missed two rotations follows them in one answer, and believes
// the newest key alone from then on, also after a restart; one that lost its
// state begins from the version it was enrolled with.
func TestFollowsRotations_MAN13(t *testing.T) {
	a := newTrusting(t)
	a.hears(manifest.Answer{Manifest: signedBy(t, 1, 1)})
	require.EqualValues(t, 1, a.s.Revision)
	a.hears(manifest.Answer{Manifest: signedBy(t, 3, 2)})
	require.EqualValues(t, 1, a.s.Revision, "a key that no document names yet")
	chain := chainOf(t, 3)
	a.hears(manifest.Answer{Manifest: signedBy(t, 3, 2), Trust: chain.After(1)})
	require.EqualValues(t, 2, a.s.Revision)
	a.hears(manifest.Answer{Manifest: signedBy(t, 1, 3)})
	require.EqualValues(t, 2, a.s.Revision, "the old key is shut out")
	require.Len(t, a.refused(), 2)
	_, out := Step(a.c, a.s, Started{}, a.at)
	require.EqualValues(t, 3, out.Effects[0].(Call).Request.Trust, "it says what it holds")
	require.EqualValues(t, 3, a.s.Trust.Document.Version)

	a.s = State{}
	a.s, out = Step(a.c, a.s, Started{}, a.at)
	require.EqualValues(t, 1, out.Effects[0].(Call).Request.Trust)
	a.hears(manifest.Answer{Manifest: signedBy(t, 3, 9), Trust: chain.After(1)})
	require.EqualValues(t, 9, a.s.Revision)
}

// What does not follow is reported once, and changes nothing; what follows before it counts.
func TestForgedTrust_MAN13(t *testing.T) {
	a := newTrusting(t)
	chain := chainOf(t, 3)
	d, err := manifest.OpenTrust(chain[2])
	require.NoError(t, err)
	forged, err := manifest.SealTrust(d, manifest.NewSigner(signingKey(3)), manifest.NewSigner(signingKey(1)))
	require.NoError(t, err)
	for range 2 {
		a.hears(manifest.Answer{Trust: [][]byte{chain[1], forged}})
	}
	a.hears(manifest.Answer{Manifest: signedBy(t, 3, 1)})
	require.Zero(t, a.s.Revision)
	a.hears(manifest.Answer{Manifest: signedBy(t, 2, 1), Trust: [][]byte{chain[0]}})
	require.EqualValues(t, 1, a.s.Revision)
	require.Len(t, a.refused(), 2, "%v", a.refused())
	require.Contains(t, a.refused()[0], "trust document")
}

// A document past its end is reported once, believed on, and replaced by a newer one.
func TestTrustExpires_MAN13(t *testing.T) {
	a := newTrusting(t)
	a.hears(manifest.Answer{Manifest: signedBy(t, 1, 1)})
	a.at.Wall, a.at.Up = epoch.Add(101*time.Hour), 101*time.Hour
	a.s, _ = Step(a.c, a.s, Tick{}, a.at)
	for range 3 {
		a.hears(manifest.Answer{})
	}
	require.Len(t, a.refused(), 1)
	require.Contains(t, a.refused()[0], "expired")
	chain := chainOf(t, 2)
	a.hears(manifest.Answer{Trust: chain.After(1)})
	require.Len(t, a.refused(), 2, "the next one has ended too")
	require.Equal(t, job.Sequence(2), a.s.Sequence)
}

// Who has the manifest key can write a manifest of the highest revision, with
// an order that is due much later. Once the agent follows the rotation, nothing
// of it starts, and the next manifest by the new key counts, whatever its
// revision (MAN-5).
func TestStolenKeyIsShutOut_MAN13(t *testing.T) {
	a := newTrusting(t)
	o := orderAt(t, "theft", epoch.Add(50*time.Hour))
	stolen, err := manifest.Seal(manifest.Document{
		Format: 1, Asset: "web-1", Revision: manifest.MaxNumber, Issued: epoch.Add(-time.Hour), Expires: epoch.Add(80 * 24 * time.Hour), Orders: []job.Order{o},
	}, manifest.NewSigner(signingKey(1)))
	require.NoError(t, err)
	a.hears(manifest.Answer{Manifest: stolen})
	require.Len(t, a.s.Queue, 1)

	chain := chainOf(t, 2)
	a.hears(manifest.Answer{Trust: chain.After(1)})
	_, out := Step(a.c, a.s, Started{}, a.at)
	require.EqualValues(t, 1, out.Effects[0].(Call).Request.Trust, "it asks for the manifest by the new key")
	a.at.Wall, a.at.Up = epoch.Add(60*time.Hour), 60*time.Hour
	for range 3 {
		a.hears(manifest.Answer{})
	}
	require.Empty(t, a.s.Executions, "its start has come")
	a.hears(manifest.Answer{Manifest: signedBy(t, 2, 7), Trust: chain.After(1)})
	require.EqualValues(t, 7, a.s.Revision)
	require.Empty(t, a.s.Queue)
	_, out = Step(a.c, a.s, Started{}, a.at)
	require.EqualValues(t, 2, out.Effects[0].(Call).Request.Trust)
}
