package agent

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// last is the last report that the server accepted on an order.
func (w *world) last(id job.OrderID) (last job.Report) {
	for _, r := range w.accepted {
		if r.Order == id {
			last = r
		}
	}
	return last
}

// An order in which something is not known waits for its start and is not begun
// then; what is beside it is carried out (MAN-11).
func TestOrderOfALaterRelease_MAN11(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*job.Order)
		want   string
	}{
		"version scheme": {
			func(o *job.Order) {
				o.Patches[0].Version = version.Version{}
				o.Patches[0].Version.KeepUnknown("zap:2")
			}, `patches[0].version: scheme "zap" is not known to this release`,
		},
		"requirement": {
			func(o *job.Order) {
				r := job.Requirement{Patch: "x", Product: "x"}
				r.Version.KeepUnknown("zap:2")
				o.Patches[0].Requires = []job.Requirement{r}
			}, `patches[0].requires[0].version: scheme "zap" is not known to this release`,
		},
		"digest algorithm": {
			func(o *job.Order) {
				var d integrity.Digest
				d.KeepUnknown("blake3:ab")
				o.Patches[0].Files[0].Expect.Digests = []integrity.Digest{d}
			}, `patches[0].files[0].expect.digests[0]: algorithm "blake3" is not known to this release`,
		},
		"policy": {
			func(o *job.Order) { o.SignerPolicy.Digest.KeepUnknown("blake3:ab") }, `policy.digest: algorithm "blake3" is not known to this release`,
		},
		"need": {func(o *job.Order) { o.Needs = []string{"flying"} }, `The order needs the capability "flying", which the agent does not have or may not use.`},
	} {
		strange, plain := orderAt(t, "a", epoch), orderAt(t, "b", epoch)
		strange.Early = true
		c.change(&strange)
		w := newWorld(t, strange, plain)
		w.until(epoch.Add(-time.Minute))
		require.Equal(t, []string{"Received"}, w.told(strange.ID), "%s: until it is due, the server may replace it", name)
		require.Zero(t, w.downloads["a"], name)
		w.until(epoch.Add(time.Hour))
		require.Equal(t, []string{"Received", "Failed"}, w.told(strange.ID), name)
		got := w.last(strange.ID)
		require.Equal(t, c.want, got.Text)
		require.Equal(t, job.UnspecifiedAgentError, got.Patches[0].Code)
		require.Equal(t, job.PatchFailed, got.Patches[0].Status)
		require.Zero(t, w.deploys["a"], name)
		require.Equal(t, job.Completed, w.last(plain.ID).Result, name)
	}
}

// A digest by an algorithm that is not known does no harm beside one that carries trust.
func TestOneMoreDigest_MAN11(t *testing.T) {
	o := orderAt(t, "a", epoch)
	var more integrity.Digest
	more.KeepUnknown("blake3:ab")
	o.Patches[0].Files[0].Expect.Digests = append(o.Patches[0].Files[0].Expect.Digests, more)
	w := newWorld(t, o)
	w.until(epoch.Add(time.Hour))
	require.Equal(t, job.Completed, w.last(o.ID).Result)
	require.Equal(t, integrity.Unknown, more.Algorithm)
}

// An agent says what it is and can do; set to run no actions, it begins no
// order that has some, whoever made it (MAN-11).
func TestCapabilities_MAN11(t *testing.T) {
	o := orderAt(t, "a", epoch)
	o.Post = []job.Action{{Name: "note", Command: []string{"/bin/true"}}}
	for _, can := range [][]string{nil, {}} {
		w := newWorld(t)
		w.c.Release, w.c.Hostname, w.c.Can = "v1.2.3", "web", can
		w.installed["a"] = "1.0.0"
		w.publish(o)
		w.crash()
		w.until(epoch.Add(-time.Minute))
		in := w.requests[len(w.requests)-1]
		require.Equal(t, []any{manifest.Format, "v1.2.3", "web"}, []any{in.Format, in.Release, in.Hostname})
		if can == nil {
			require.Equal(t, job.Capabilities(), in.Can)
			continue
		}
		require.Equal(t, []string{job.CanAskForSlot}, in.Can)
		w.until(epoch.Add(time.Hour))
		require.Equal(t, o.Obstacle([]string{}, integrity.Excerpt{}).Text, w.last(o.ID).Text)
		require.Contains(t, w.last(o.ID).Text, `"note"`, "it is named (INT-10)")
		require.Zero(t, w.deploys["a"])
	}
}

// An agent that was put back to an older release goes on: an execution that it
// cannot understand ends as Failed, by name, and nothing else is lost (MAN-11).
func TestStateOfALaterRelease_MAN11(t *testing.T) {
	for field, to := range map[string]string{
		`"phase":"pre-action"`: `phase "Flying" is not known`, `"stage":"deploy"`: `stage "Flying" is not known`, `"status":"verified"`: `patch a-2: `,
	} {
		o, next := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour))
		o.Pre = []job.Action{{Name: "stop", Command: []string{"/bin/stop"}}}
		w := newWorld(t, o, next)
		w.until(epoch.Add(time.Minute)) // the action never ends
		data, err := w.s.MarshalBinary()
		require.NoError(t, err)
		require.Contains(t, string(data), field)
		name, _, _ := bytes.Cut([]byte(field), []byte(":"))
		data = bytes.ReplaceAll(data, []byte(field), append(bytes.Clone(name), `:"Flying"`...))
		data = bytes.Replace(data, []byte(`{"format":1,`), []byte(`{"format":1,"altitude":{"m":[1]},`), 1)
		var s State
		require.NoError(t, s.UnmarshalBinary(data))
		again, err := s.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, s.UnmarshalBinary(again), "written and read again before it goes on")
		s.Ended = w.s.Ended
		w.s = s
		w.crash()
		w.until(epoch.Add(2 * time.Hour))
		got := w.last(o.ID)
		require.Equal(t, job.Failed, got.Result)
		require.Contains(t, got.Text, to)
		require.Equal(t, job.UnspecifiedAgentError, got.Patches[0].Code)
		require.Equal(t, job.Completed, w.last(next.ID).Result, "the next order is not held up")
	}
}

// The list of ended orders keeps a result that is not known as text.
func TestEndedOfALaterRelease_MAN11(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(time.Hour))
	data, err := w.s.MarshalEnded()
	require.NoError(t, err)
	require.NoError(t, w.s.UnmarshalEnded(bytes.Replace(data, []byte(`"Completed"`), []byte(`"Flying","more":1`), 1)))
	require.Equal(t, Ended{Order: o.ID, Result: job.Failed, At: w.s.Ended[0].At, Reported: w.s.Sequence, NotKnown: `result "Flying"`}, w.s.Ended[0])
	w.publish(o) // a server that was put back to a backup
	w.until(epoch.Add(2 * time.Hour))
	require.Contains(t, w.last(o.ID).Text, `result "Flying"`)
	require.True(t, w.last(o.ID).Again)
}

// A state of a later format is refused by name, and so is its other part.
func TestStateOfALaterFormat_MAN11(t *testing.T) {
	var s State
	var newer *manifest.NewerFormat
	require.ErrorAs(t, s.UnmarshalBinary([]byte(`{"format":2,"asset":7}`)), &newer)
	require.Equal(t, manifest.NewerFormat{What: "the agent's state", Have: 2, Know: 1}, *newer)
	require.ErrorAs(t, s.UnmarshalEnded([]byte(`{"format":3,"ended":7}`)), &newer)
	require.NoError(t, s.UnmarshalBinary([]byte(`{"asset":"web-1"}`)), "none is the first")
}
