package agentsim

import (
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// link is the network between an asset and the server, with what it does to the next messages.
type link struct {
	cut         bool
	loseCalls   int           // how many calls do not arrive
	loseAnswers int           // how many answers do not
	repeat      int           // how many calls arrive twice
	late        int           // how many calls arrive so late that nobody waits for the answer any more
	lateness    time.Duration // how late
	fake        string        // the manifest that the next answer carries instead
	old         []byte        // the first manifest that was delivered, for the fake that is old

	mute bool // calls do not say what the agent is and can do

	spoil func(*manifest.CheckIn) // tests only: makes of the network one that changes what it carries
}

// call sends a check-in and brings the answer, if the network lets it. A message that is under way arrives whatever
// becomes of its sender.
func (a *asset) call(c agent.Call) {
	in := c.Request
	inventory, err := a.inventory()
	if err != nil {
		a.w.fail(err)
		return
	}
	in.Digest, in.Zone, in.Reboot, in.Key = inventory.Digest(), a.zone, in.Reboot || a.mark, a.fingerprint()
	if a.link.mute {
		in.Format, in.Release, in.Hostname, in.Can = 0, "", "", nil
	}
	if a.link.spoil != nil {
		a.link.spoil(&in)
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
	failed := func(after time.Duration, why string) {
		a.after(after, nil, func() { a.step(agent.CallFailed{ID: c.ID, Err: why}) })
	}
	l, network := &a.link, a.w.cfg.Network
	switch {
	case l.cut:
		failed(network, "the network is down")
		return
	case take(&l.loseCalls):
		a.log("call lost on its way")
		failed(callTimeout, "no answer came")
		return
	case take(&l.late):
		a.log("call delayed by %s", short(l.lateness))
		failed(callTimeout, "no answer came")
		a.w.after(l.lateness, func() {
			_, err := send()
			a.log("the delayed call arrived%s", because(err))
		})
		return
	}
	life := a.life
	a.w.after(network, func() {
		if l.cut {
			if a.life == life {
				failed(0, "the network is down")
			}
			return
		}
		answer, err := send()
		if err == nil && take(&l.repeat) {
			a.log("call arrived twice")
			_, err := send()
			if err != nil {
				a.log("the second was refused: %v", err)
			}
		}
		if a.life != life {
			return
		}
		switch {
		case errors.Is(err, manifest.ErrRefused):
			a.after(network, nil, func() { a.step(agent.CallRefused{ID: c.ID, Err: err.Error()}) })
		case err != nil:
			failed(network, err.Error())
		case take(&l.loseAnswers):
			a.log("answer lost on its way")
			failed(callTimeout, "no answer came")
		default:
			if answer.Manifest, err = a.faked(answer.Manifest); err != nil {
				a.w.fail(err)
			}
			a.after(network, nil, func() {
				if l.cut {
					a.step(agent.CallFailed{ID: c.ID, Err: "the network is down"})
					return
				}
				if c.ID == a.state.Calls.Out { // otherwise the agent does not wait for it any more
					a.watch.delivered(answer)
				}
				a.step(agent.CallDone{ID: c.ID, Answer: answer})
			})
		}
	})
}

// take counts n down and reports whether there was one.
func take(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ", and was refused: " + err.Error()
}

// faked puts the manifest that a line of the scenario asked for in the place of the right one.
func (a *asset) faked(right []byte) ([]byte, error) {
	kind := a.link.fake
	if a.link.old == nil {
		a.link.old = right
	}
	if kind == "" {
		return right, nil
	}
	a.link.fake = ""
	a.log("is sent a wrong manifest: %s", kind)
	d := manifest.Document{
		Format: manifest.Format, Asset: a.as, Revision: a.state.Revision + 100, Issued: a.w.now.Truncate(time.Second),
		Expires: a.w.now.Truncate(time.Second).Add(manifest.Lifetime),
	}
	signer := key("server")
	switch kind {
	case "forged":
		signer = key("somebody else")
	case "expired":
		d.Issued, d.Expires = d.Issued.Add(-2*manifest.Lifetime), d.Issued.Add(-time.Second)
	case "other asset":
		d.Asset = "somebody-else"
	case "old": // none, if it has had none yet
		return a.link.old, nil
	case "huge":
		return make([]byte, manifest.MaxSealed+1), nil
	}
	sealed, err := manifest.Seal(d, manifest.NewSigner(signer))
	if kind == "damaged" && err == nil {
		sealed = append([]byte(nil), sealed...)
		sealed[len(sealed)/2] ^= 1
	}
	return sealed, err
}
