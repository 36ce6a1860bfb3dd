package agentsim

import (
	"errors"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// link is the network between an asset and the server, and what it does to the
// next messages.
type link struct {
	cut         bool
	loseCalls   int           // calls that will not arrive
	loseAnswers int           // answers that will not arrive
	repeat      int           // calls that will arrive twice
	late        int           // calls that will arrive after the agent stopped waiting
	lateness    time.Duration // how late
	fake        string        // the kind of manifest that replaces the next one
	old         []byte        // the first manifest that was delivered
	mute        bool          // calls do not say what the agent is and can do
}

// call sends a check-in and brings the answer, if the network allows it. A
// message on its way arrives even if its sender is gone.
func (a *asset) call(c agent.Call) {
	in, inventory := c.Request, a.inventory()
	in.Digest, in.Zone, in.Reboot, in.Key = inventory.Digest(), a.zone, in.Reboot || a.mark, a.fingerprint()
	if a.link.mute {
		in.Format, in.Release, in.Hostname, in.Can = 0, "", "", nil
	}
	send := func() (manifest.Answer, error) {
		answer, err := a.w.server.checkIn(a, in)
		if err == nil && answer.WantInventory {
			with := in
			with.Inventory = &inventory
			answer, err = a.w.server.checkIn(a, with)
		}
		return answer, err
	}
	reply := func(after time.Duration, ev agent.Event) { a.after(after, nil, func() { a.step(ev) }) }
	noAnswer, noNetwork := agent.CallFailed{ID: c.ID, Err: "no answer came"}, agent.CallFailed{ID: c.ID, Err: "the network is down"}
	l, life := &a.link, a.life
	switch {
	case l.cut:
		reply(network, noNetwork)
		return
	case take(&l.loseCalls):
		a.log("call lost on its way")
		reply(callTimeout, noAnswer)
		return
	case take(&l.late):
		a.log("call delayed by %s", short(l.lateness))
		reply(callTimeout, noAnswer)
		a.w.after(l.lateness, func() {
			refused := ""
			if _, err := send(); err != nil {
				refused = ", and was refused: " + err.Error()
			}
			a.log("the delayed call arrived%s", refused)
		})
		return
	}
	a.w.after(network, func() {
		if l.cut {
			if a.life == life {
				reply(0, noNetwork)
			}
			return
		}
		answer, err := send()
		if err == nil && take(&l.repeat) {
			a.log("call arrived twice")
			if _, err := send(); err != nil {
				a.log("the second was refused: %v", err)
			}
		}
		if a.life != life {
			return
		}
		switch {
		case errors.Is(err, manifest.ErrRefused):
			reply(network, agent.CallFailed{ID: c.ID, Refused: true, Err: err.Error()})
		case err != nil:
			reply(network, agent.CallFailed{ID: c.ID, Err: err.Error()})
		case take(&l.loseAnswers):
			a.log("answer lost on its way")
			reply(callTimeout, noAnswer)
		default:
			answer.Manifest = a.faked(answer.Manifest)
			a.after(network, nil, func() {
				if l.cut {
					a.step(noNetwork)
					return
				}
				if c.ID == a.state.Calls.Out { // otherwise the agent no longer waits for it
					a.observer.delivered(answer)
				}
				a.step(agent.CallDone{ID: c.ID, Answer: answer})
			})
		}
	})
}

// take counts n down, and reports whether it was above zero.
func take(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// faked replaces a manifest by the wrong one that a line asked for.
func (a *asset) faked(right []byte) []byte {
	kind := a.link.fake
	if a.link.old == nil {
		a.link.old = right
	}
	if kind == "" {
		return right
	}
	a.link.fake = ""
	a.log("is sent a wrong manifest: %s", kind)
	now := a.w.now.Truncate(time.Second)
	d := manifest.Document{
		Format: manifest.Format, Asset: a.as, Revision: a.state.Revision + 100, Issued: now, Expires: now.Add(manifest.Lifetime),
	}
	signer := key("server")
	switch kind {
	case "forged":
		signer = key("somebody else")
	case "expired":
		d.Issued, d.Expires = now.Add(-2*manifest.Lifetime), now.Add(-time.Second)
	case "other asset":
		d.Asset = "somebody-else"
	case "old": // none, if none was delivered before
		return a.link.old
	case "huge":
		return make([]byte, manifest.MaxSealed+1)
	}
	sealed, err := manifest.Seal(d, manifest.NewSigner(signer))
	a.w.fail(err)
	if kind == "damaged" && err == nil {
		sealed = slices.Clone(sealed)
		sealed[len(sealed)/2] ^= 1
	}
	return sealed
}
