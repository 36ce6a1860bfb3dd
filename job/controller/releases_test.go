package controller_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// acting is a job that runs an action before it upgrades the editor.
func acting(id job.ID) job.Definition {
	d := definition(id, "editor-2.0.0")
	d.Pre = []job.Action{{Name: "stop", Command: []string{"/bin/stop"}}}
	return d
}

// tell has an agent report what it is and can do.
func (f *fixture) tell(a *agent, release, hostname string, can ...string) {
	f.Helper()
	in := a.request(f.now)
	in.Format, in.Release, in.Hostname, in.Can = manifest.Format, release, hostname, can
	_, err := f.CheckIn(ctx, in, f.now)
	require.NoError(f, err)
}

// What an asset is shown as is what its last call reported, not its enrolment (MAN-11).
func TestWhatAnAgentIs_MAN11(t *testing.T) {
	stores(t, func(f *fixture) {
		a := f.enrolOnly("a", "all")
		f.tell(a, "v1.4.0", "renamed", "actions", "flying")
		s, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, []string{"v1.4.0", "renamed", "actions flying"}, []string{s.Version, s.Hostname, strings.Join(s.Can, " ")})

		f.tell(a, "v1.5.0", "again", "actions") // at once, though the last call was just seen
		s, err = f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, []string{"v1.5.0", "again", "actions"}, []string{s.Version, s.Hostname, strings.Join(s.Can, " ")})
	})
}

// The server orders nothing that an agent cannot do (MAN-11).
func TestOrdersGoToWhoCanDoThem_MAN11(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		silent, able, unable := f.enrol("silent", "all"), f.enrol("able", "all"), f.enrol("unable", "all")
		f.tell(able, "v1", "", "actions")
		f.tell(unable, "v1", "")
		plan, _, err := f.Preview(ctx, acting("now"), "unable", f.now)
		require.NoError(f, err)
		const none = `The action "stop" may not run: the agent runs no actions, because of its settings or its signer policy.`
		require.Equal(f, job.Obstacle{Rule: "INT-10", Text: none, Code: job.PatchInstallationSkipped}, plan.Obstacle)
		require.Equal(f, []string{"actions"}, plan.Order.Needs)

		run := f.enable(acting("now"))
		for _, a := range []*agent{silent, able} {
			f.call(a)
			require.Len(f, a.orders, 1, "%s", a.id)
			require.Equal(f, []string{"actions"}, a.orders[0].Needs)
		}
		f.tell(unable, "v1", "")
		require.Empty(f, unable.orders)
		got := f.asset(run, "unable")
		require.Equal(f, job.Failed, got.Result)
		require.Equal(f, none, got.Text)
		require.Len(f, got.Patches, 1)
		require.Equal(f, job.PatchInstallationSkipped, got.Patches[0].Code)

		plain := f.enable(definition("plain", "editor-2.0.0"))
		f.call(unable)
		require.Len(f, unable.orders, 1, "what needs nothing it gets")
		require.Zero(f, f.asset(plain, "unable").Result)
	})
}

// An order that was made before the agent reported that it cannot do it, and
// that it never held, ends (MAN-11). One that it holds it ends itself.
func TestCapabilityLostAfterPlanning_MAN11(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		never, holds := f.enrol("never", "all"), f.enrol("holds", "all")
		run := f.enable(acting("now"))
		f.call(holds)
		require.Len(f, holds.orders, 1)
		f.tell(never, "v1", "")
		f.tell(holds, "v1", "")
		require.Equal(f, job.Failed, f.asset(run, "never").Result)
		require.Zero(f, f.asset(run, "holds").Result)
		holds.report(holds.orders[0].Refuse(holds.orders[0].Obstacle(nil, integrity.Excerpt{})))
		f.call(holds)
		require.Equal(f, job.Failed, f.asset(run, "holds").Result)
	})
}

// A check-in of a later release is taken in: what is not known in it is kept as
// text, and nothing else of the call is lost (MAN-11).
func TestCheckInOfALaterRelease_MAN11(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		in := a.request(f.now)
		in.Digest = "sha256:counts what is not known here"
		in.Inventory = &a.inventory
		in.Reports = []job.Report{{Sequence: 1, At: f.now, Order: order, Progress: job.Started}, {Sequence: 2, At: f.now, Order: order, Progress: job.Resumed, Text: "there"}}
		data, err := json.Marshal(in)
		require.NoError(f, err)
		text := strings.NewReplacer(`"Resumed"`, `"Flying"`, `"asset":"a"`, `"asset":"a","altitude":{"m":1}`, `"product":"player","version":"semver:1.0.0"`, `"product":"player","version":"zap:1","color":"red"`).Replace(string(data))
		var read manifest.CheckIn
		require.NoError(f, json.Unmarshal([]byte(text), &read))
		answer, err := f.CheckIn(ctx, read, f.now)
		require.NoError(f, err)
		require.Equal(f, job.Sequence(2), answer.Acknowledged)
		require.False(f, answer.WantInventory)
		got := f.asset(run, "a")
		require.Equal(f, `there; progress "Flying"`, got.Text)
		require.Equal(f, "unknown", got.Progress.String())
		require.Equal(f, job.StageDownload, got.Stage)

		read.Inventory, read.Reports = nil, nil
		answer, err = f.CheckIn(ctx, read, f.now.Add(controller.MaxOffset))
		require.NoError(f, err)
		require.False(f, answer.WantInventory, "its digest is the agent's own: the same inventory is not asked for again")
	})
}

// Records that a later release changed the meaning of are not touched (MAN-11).
func TestRecordsOfALaterFormat_MAN11(t *testing.T) {
	store := memstore.New(memstore.Options{})
	f := newFixture(t, store)
	f.enrol("a", "all")
	var at string
	require.NoError(t, store.View(ctx, func(r controller.Reader) error {
		list, err := r.Scan("meta", "format", "formatz", 2)
		require.Len(t, list, 1)
		require.Equal(t, fmt.Sprint(controller.RecordsFormat), string(list[0].Value))
		at = list[0].Key
		return err
	}))
	put := func(value string) {
		require.NoError(t, store.Update(ctx, func(w controller.Writer) error { return w.Put("meta", at, []byte(value)) }))
	}
	put("2")
	defer put("1")
	later, err := controller.New(store, config())
	require.NoError(t, err)
	var newer *manifest.NewerFormat
	_, err = later.Asset(ctx, "a", f.now)
	require.ErrorAs(t, err, &newer)
	_, err = later.AddToken(ctx, secret+" of another", controller.Token{}, f.now)
	require.ErrorAs(t, err, &newer)
	require.Equal(t, 2, newer.Have)
	require.ErrorContains(t, err, "use the release that wrote it, or a later one")
}
