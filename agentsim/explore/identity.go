package explore

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

const secret = "explore-enrolment-token-0001"

// identities returns the number of enrolled assets. A copy is not enrolled.
func (w World) identities() int {
	if w.Copy {
		return 1
	}
	return max(w.Assets, 1)
}

// as returns the asset that a computer calls as.
func (w World) as(i int) job.AssetID { return assetNames[min(i, w.identities()-1)] }

// own returns the index of what the server has of a computer's reports.
func (s *scene) own(h *host) int { return min(h.asset, s.identities()-1) }

func (s *scene) keyOf(h *host) ed25519.PublicKey {
	seed := strings.Repeat(fmt.Sprint(s.own(h)), ed25519.SeedSize-1) + string('a'+rune(h.key))
	return ed25519.NewKeyFromSeed([]byte(seed)).Public().(ed25519.PublicKey)
}

func (s *scene) enrolment(h *host) manifest.Enrolment {
	return manifest.Enrolment{Token: secret, Asset: s.as(h.asset), Key: s.keyOf(h), Platform: catalog.Linux, Architecture: "amd64"}
}

// remove removes an asset. Nothing of it may be open afterwards (invariant 10).
func (s *scene) remove(st *state, h *host) {
	ok, err := s.serving(st, func(c *controller.Controller) error {
		return c.RemoveAsset(context.Background(), s.as(h.asset), st.now)
	})
	if err != nil {
		st.broke(10, "the server cannot remove %s: %v", s.as(h.asset), err)
	}
	if !ok {
		return
	}
	h.removed, h.refused = true, false
	for _, t := range s.tasks {
		for _, row := range st.rows(s.view(st), t) {
			if row.Asset == s.as(h.asset) && row.Ended.IsZero() {
				st.broke(10, "%s stays open although its asset was removed", row.Order)
			}
		}
	}
}

// enrol enrols a computer under a removed name. It takes as long as a boot.
func (s *scene) enrol(st *state, h *host) {
	st.now = st.now.Add(bootTime)
	h.key++
	ok, err := s.serving(st, func(c *controller.Controller) error {
		_, err := c.Enrol(context.Background(), s.enrolment(h), st.now)
		return err
	})
	switch {
	case err != nil:
		st.broke(10, "the server cannot enrol %s again: %v", s.as(h.asset), err)
	case !ok:
		h.key--
		return
	}
	st.server.accepted[s.own(h)] = 0
	h.removed = false
	for j := range h.had {
		h.former[j], h.had[j] = h.former[j] || h.had[j], false
	}
	h.watch.reinstalled(h.former)
	h.agent, h.read, h.staged = agent.State{}, &reading{}, [maxJobs][maxPatches]staged{}
	s.restart(st, h)
}

// clone starts a computer with a copy of the first one's disk.
func (s *scene) clone(st *state) {
	h := st.own(0)
	c := *h
	c.asset, c.copied, c.boot, c.booted = 1, true, 0, st.now
	c.net, c.todo, c.prompt = nil, nil, false
	st.hosts[1] = &c
	s.restart(st, &c)
}

// settle is the administrator's decision that one computer alone is the asset.
func (s *scene) settle(st *state) {
	_, err := s.serving(st, func(c *controller.Controller) error { return c.SettleClone(context.Background(), s.as(0), st.now) })
	if err != nil && !missing(err) {
		st.broke(10, "the server cannot settle %s: %v", s.as(0), err)
	}
	if err == nil {
		st.turns = turns{}
	}
}

// turns says which computers called in turn, by when the calls were made.
type turns struct {
	last  uint8     // the computer of the newest call, counted from one; zero: none
	at    time.Time // when that call was made
	count uint8     // how often the computer changed, up to three
}

// heard takes a call. Calls count in the order in which the agents made them.
func (t turns) heard(h *host, at time.Time) turns {
	if who := uint8(h.asset + 1); at.After(t.at) || who == t.last {
		if t.last != 0 && who != t.last && t.count < 3 {
			t.count++
		}
		t.last, t.at = who, at
	}
	return t
}

// handed checks that an answer hands out nothing to a removed asset, nothing of
// an earlier bearer of the name, and nothing that could start to computers that
// called in turn (invariants 3 and 13).
func (s *scene) handed(st *state, h *host, m, answer message) {
	if s.Copy {
		st.turns = st.turns.heard(h, m.request.At)
	}
	for j, c := range answer.released.contents[:s.Jobs] {
		switch order := job.MakeOrderID(s.tasks[j].run, s.as(h.asset)); {
		case !c.present:
		case h.removed:
			st.broke(3, "%s is handed to an asset that was removed", order)
		case h.former[j]:
			st.broke(13, "%s is handed to another computer of the same name", order)
		case st.turns.count == 3 && !c.marked && !c.begun:
			st.broke(3, "%s is handed out although two computers call in turn", order)
		default:
			h.had[j] = true
		}
	}
}
