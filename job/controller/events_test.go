package controller_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Every administrative use case records one event that names who did it, and
// OnEvent receives each one after its commit. An act that changes nothing or is
// refused records none.
func TestEveryActRecordsOneEvent(t *testing.T) {
	store := memstore.New(memstore.Options{Seed: 1}) // transactions run more than once
	var got []controller.Event
	c := config()
	c.OnEvent = func(e controller.Event) {
		list, err := controllerOn(t, store).Events(ctx, time.Time{}, 1)
		require.NoError(t, err)
		require.Equal(t, []controller.Event{e}, list, "it is committed when OnEvent receives it")
		got = append(got, e)
	}
	f := fixtureOf(t, store, c)
	as := controller.As(ctx, "alice")
	act := func(action controller.Action, actor, subject, text string, do func() error) {
		t.Helper()
		got = nil
		require.NoError(t, do())
		require.Len(t, got, 1)
		require.False(t, got[0].At.Before(f.now))
		got[0].At = time.Time{}
		require.Equal(t, controller.Event{Actor: actor, Action: action, Subject: subject, Text: text}, got[0])
		got = nil
	}
	silent := func(do func() error) {
		t.Helper()
		require.NoError(t, do())
		require.Empty(t, got)
	}
	vendor := patch("player", "2.0.0")
	vendor.Artifacts[0].Availability, vendor.Artifacts[0].URL = catalog.Vendor, ""
	silent(func() error { f.sync(patch("editor", "2.0.0"), vendor); return nil })

	var token controller.Token
	act(controller.TokenAdded, "alice", "", `name "lab", 9 uses`, func() (err error) {
		token, err = f.AddToken(as, secret, controller.Token{Name: "lab", Uses: 9, Tags: []string{"all"}}, f.now)
		require.Equal(t, token.ID, got[0].Subject)
		got[0].Subject = ""
		return err
	})
	enrol := func() error { _, err := f.Enrol(as, enrolment("a"), f.now); return err }
	act(controller.AssetEnrolled, "a", "a", "token "+token.ID+`, name "lab"`, enrol)
	silent(enrol)
	act(controller.AssetTagged, "alice", "a", "all, lab", func() error { return f.TagAsset(as, "a", []string{"lab", "all"}, f.now) })

	silent(func() error { return f.TagAsset(as, "a", []string{"lab", "all"}, f.now) })

	own := []catalog.CustomURL{{Patch: vendor.ID, Artifact: "player.bin", URL: "http://own.example/p"}}
	custom := func() error { return f.SetCustomURLs(as, own, f.now) }
	act(controller.URLsChanged, "alice", "", "1 given", custom)
	silent(custom)

	d := definition("j", "editor-2.0.0")
	saveIt := func() error { _, err := f.SaveJob(as, d, f.now); return err }
	var run job.RunID
	enable := func() (err error) { run, err = f.EnableJob(as, "j", f.now); return err }
	a := &agent{id: "a", key: manifest.Fingerprint(enrolment("a").Key), inventory: catalog.Inventory{Platform: catalog.Linux}}
	a.install("editor", "1.0.0")
	silent(func() error { f.call(a); return nil })
	act(controller.JobSaved, "alice", "j", "revision 1", saveIt)
	silent(saveIt)
	act(controller.JobEnabled, "alice", "j", "j@20260301T120000Z", enable)
	first := run
	silent(enable)
	act(controller.RunCancelled, "alice", string(first), string(first), func() error { _, err := f.CancelRun(as, first, f.now); return err })
	silent(func() error { _, err := f.CancelRun(as, first, f.now); return err })
	act(controller.JobStarted, "alice", "j", "j@20260301T120001Z", func() (err error) { run, err = f.RunJob(as, "j", f.now); return err })
	f.call(a)
	a.report(job.Report{Order: job.MakeOrderID(run, "a"), Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}})
	f.call(a)
	act(controller.PatchRetried, "alice", "j", "patch editor-2.0.0 on asset a", func() error { return f.RetryPatch(as, "j", "a", "editor-2.0.0", f.now) })
	act(controller.JobStarted, "", "j", "j@20260301T120002Z", func() (err error) { run, err = f.RunJob(ctx, "j", f.now); return err })
	act(controller.JobCancelled, "alice", "j", string(run), func() error { _, err := f.CancelJob(as, "j", f.now); return err })
	act(controller.JobDisabled, "alice", "j", "", func() error { return f.DisableJob(as, "j", f.now) })
	silent(func() error { return f.DisableJob(as, "j", f.now) })
	act(controller.JobDeleted, "alice", "j", "", func() error { return f.DeleteJob(as, "j", false, f.now) })
	require.Error(t, saveIt(), "it is deleted")
	require.Empty(t, got)

	for _, boot := range []string{"x", "y", "x", "y"} {
		a.boot = boot
		f.pass(time.Minute)
		f.call(a)
	}
	act(controller.CloneSettled, "alice", "a", "", func() error { return f.SettleClone(as, "a", f.now) })
	act(controller.AssetRemoved, "alice", "a", "", func() error { return f.RemoveAsset(as, "a", f.now) })
	b := f.enrolOnly("b")
	act(controller.AssetLeft, "b", "b", "", func() error { return f.Leave(as, "b", b.key, f.now) })
	act(controller.TokenRemoved, "alice", token.ID, "", func() error { return f.RemoveToken(as, token.ID, f.now) })
}

func controllerOn(t *testing.T, s controller.Store) *controller.Controller {
	c, err := controller.New(s, config())
	require.NoError(t, err)
	return c
}

// Events are listed newest first in pages, and events of one instant stay apart.
func TestEventsInPages(t *testing.T) {
	stores(t, func(f *fixture) {
		for range 5 { // at the same instant
			_, err := f.AddToken(controller.As(ctx, "bob"), secret, controller.Token{}, f.now)
			require.NoError(f, err)
		}
		var all []controller.Event
		for before := (time.Time{}); ; before = all[len(all)-1].At {
			page, err := f.Events(ctx, before, 2)
			require.NoError(f, err)
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
		}
		require.Len(f, all, 5)
		for i, e := range all {
			require.Equal(f, controller.TokenAdded, e.Action)
			require.Equal(f, "bob", e.Actor)
			require.Equal(f, start.Add(time.Duration(4-i)*time.Microsecond), e.At)
		}
		_, err := f.Events(ctx, time.Time{}, controller.MaxPage+1)
		require.Error(f, err)
	})
}

// An act that is not committed is not reported; the next try is, once.
func TestEventOfAFailedCommit(t *testing.T) {
	n := 0
	c := config()
	c.OnEvent = func(controller.Event) { n++ }
	store := &failing{Store: memstore.New(memstore.Options{}), after: 0}
	ctl, err := controller.New(store, c)
	require.NoError(t, err)
	_, err = ctl.AddToken(ctx, secret, controller.Token{}, start)
	require.True(t, errors.Is(err, errDied))
	require.Zero(t, n)
	store.after = 1
	_, err = ctl.AddToken(ctx, secret, controller.Token{}, start)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// The text of an event is cut, not the act refused.
func TestEventTextIsCut(t *testing.T) {
	once(t, func(f *fixture) {
		f.enrol("a")
		tags := make([]string, manifest.MaxTags)
		for i := range tags {
			tags[i] = strings.Repeat("t", 60) + strconv.Itoa(i)
		}
		require.NoError(f, f.TagAsset(controller.As(ctx, strings.Repeat("x", 5000)), "a", tags, f.now))
		list, err := f.Events(ctx, time.Time{}, 1)
		require.NoError(f, err)
		require.Equal(f, controller.AssetTagged, list[0].Action)
		require.LessOrEqual(f, len(list[0].Text), 1024)
		require.Less(f, len(list[0].Actor), 1000)
	})
}

// Acts keep apart when the clock is put back by a second, also from the acts
// that moved on by a microsecond.
func TestEventsAfterTheClockWentBack(t *testing.T) {
	once(t, func(f *fixture) {
		for i, at := range []time.Duration{time.Second, time.Second, 0, 0} {
			_, err := f.AddToken(ctx, secret, controller.Token{Name: strconv.Itoa(i)}, f.now.Add(at))
			require.NoError(f, err)
		}
		list, err := f.Events(ctx, time.Time{}, 10)
		require.NoError(f, err)
		require.Len(f, list, 4)
	})
}
