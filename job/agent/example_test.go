package agent_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// server answers check-ins with one manifest. Package job/controller has a real
// one.
type server struct {
	manifest []byte
	reports  []job.Report
}

func (s *server) answer(in manifest.CheckIn, now time.Time) manifest.Answer {
	a := manifest.Answer{At: now}
	for _, r := range in.Reports {
		if s.reports = append(s.reports, r); r.Progress != 0 {
			fmt.Println("reported:", r.Progress)
		} else {
			fmt.Println("reported:", r.Result)
		}
	}
	a.Acknowledged = job.Sequence(len(s.reports))
	if in.Held == 0 {
		a.Manifest = s.manifest
	}
	return a
}

// disk is what survives a crash.
type disk struct{ state, ended []byte }

// commit makes a state durable.
func (d *disk) commit(s agent.State) (err error) {
	if d.state, err = s.MarshalBinary(); err != nil {
		return err
	}
	d.ended, err = s.MarshalEnded() // changes only when an order ends
	return err
}

// carryOut carries out an effect of an execution, and returns the event that
// answers it; nil: none. The example of package execution handles every effect.
func carryOut(effect execution.Effect) execution.Event {
	switch e := effect.(type) {
	case execution.TakeInventory:
		return execution.InventoryTaken{ID: e.ID, Sessions: reboot.Nobody}
	case execution.RunAction:
		fmt.Println("runs:", strings.Join(e.Action.Command, " "))
		return execution.ActionDone{ID: e.ID}
	default:
		return nil
	}
}

// The main loop of a driver: step, commit, carry out the effects, and bring
// their results back as events. Here one order runs a command.
func Example() {
	start := time.Date(2026, time.March, 2, 6, 0, 0, 0, time.UTC)
	run := job.MakeRunID("nightly", start)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // never use a key like this one
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: "web-1", Revision: 1, Issued: start.Add(-time.Hour), Expires: start.Add(manifest.Lifetime - time.Hour),
		Orders: []job.Order{{
			ID: job.MakeOrderID(run, "web-1"), Job: "nightly", Run: run, Start: start,
			Post: []job.Action{{Name: "note", Command: []string{"/usr/bin/logger", "patched"}}},
		}},
	}, manifest.NewSigner(key))
	if err != nil {
		fmt.Println(err)
		return
	}
	srv, storage := &server{manifest: sealed}, &disk{}

	config := agent.Config{Asset: "web-1", Key: manifest.NewVerifier(key.Public().(ed25519.PublicKey))}
	now := agent.Moment{Wall: start.Add(-20 * time.Minute), BootID: "boot 1"}
	var state agent.State
	events := []agent.Event{agent.Started{}}
	for now.Wall.Before(start.Add(time.Minute)) {
		next, out := agent.Step(config, state, events[0], now)
		if err := storage.commit(next); err != nil {
			fmt.Println(err)
			return
		}
		state, events = next, events[1:]
		for _, effect := range out.Effects { // in this order, and only after the commit
			switch e := effect.(type) {
			case agent.Call: // agent.CallFailed if no answer comes
				events = append(events, agent.CallDone{ID: e.ID, Answer: srv.answer(e.Request, now.Wall)})
			case agent.Execute:
				if answer := carryOut(e.Effect); answer != nil {
					events = append(events, agent.ForOrder{Order: e.Order, Event: answer})
				}
			case agent.DownloadEarly: // download the files of e.Patch
				events = append(events, agent.DownloadedEarly{Order: e.Order, Index: e.Index})
			}
		}
		if len(events) == 0 { // nothing to do until then
			now.Wall, now.Up = now.Wall.Add(out.Wake), now.Up+out.Wake
			events = append(events, agent.Tick{})
		}
	}
	// Output:
	// reported: Received
	// reported: Started
	// reported: Deploying
	// runs: /usr/bin/logger patched
	// reported: Completed
}
