package explore

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// wander takes random histories through a world, and passes each state to look
// with the move that led there.
func wander(t *testing.T, s *scene, histories, steps int, look func(st *state, m move)) {
	random := rand.New(rand.NewSource(1))
	for range histories {
		st := s.start()
		for range steps {
			moves := s.moves(st)
			m := byDefault
			if random.Intn(4) == 0 {
				m = moves[random.Intn(len(moves))]
			}
			st = s.apply(st, m)
			require.Nil(t, st.broken)
			look(st, m)
		}
	}
}

// When two different states have one hash, the same moves are possible in both
// and lead to states with the same hashes. Moves that advance time are left
// out, because the time of the next check-in is rounded. Two assets may have
// changed places, so with two only the number of moves is compared.
func TestMergedStatesBehaveAlike(t *testing.T) {
	for _, w := range Worlds() {
		t.Run(w.Name, func(t *testing.T) {
			s, err := newScene(w, driver{})
			require.NoError(t, err)
			seen, merged, histories := map[hash]*state{}, 0, fewer(60, 10)
			if w.Server {
				histories = fewer(20, 2)
			}
			wander(t, s, histories, 60, func(st *state, _ move) {
				other, met := seen[s.hash(st)]
				if !met {
					seen[s.hash(st)] = st
					return
				}
				same := st.now.Equal(other.now)
				for i, h := range st.hosts[:s.Assets] {
					same = same && reflect.DeepEqual(h.agent, other.hosts[i].agent)
				}
				if same {
					return
				}
				merged++
				if s.Assets > 1 {
					require.Len(t, s.moves(st), len(s.moves(other)))
					return
				}
				require.Equal(t, s.moves(other), s.moves(st))
				for _, m := range s.moves(st) {
					if m.choice == Time || m == byDefault && st.turn(s) < 0 {
						continue
					}
					require.Equal(t, s.hash(s.apply(other, m)), s.hash(s.apply(st, m)), "after %s", m.choice)
				}
			})
			if !w.Server { // those hold instants, and merge little
				require.Greater(t, merged, fewer(100, 0), "too little was merged to show anything")
			}
		})
	}
}

// Assets that are alike can change places: a state and its mirror image have
// the same hash, and so have the states after the mirrored choices.
func TestMirroredStatesAreMerged(t *testing.T) {
	for _, name := range []string{"pair", "four"} {
		w, err := FindWorld(name)
		require.NoError(t, err)
		s, err := newScene(w, driver{})
		require.NoError(t, err)
		differ := 0
		wander(t, s, fewer(40, 10), 60, func(st *state, _ move) {
			m := s.mirror(st)
			require.Equal(t, s.hash(st), s.hash(m))
			if !reflect.DeepEqual(st.hosts[0].agent.Reports, st.hosts[1].agent.Reports) {
				differ++
			}
			for _, v := range s.moves(st)[1:] {
				image := v
				if v.choice.target() == anAsset {
					image.of = 1 - v.of
				}
				if v.choice == Time || !s.possible(m, image) { // whose turn it is goes by the assets' order
					continue
				}
				require.Equal(t, s.hash(s.apply(st, v)), s.hash(s.apply(m, image)), "after %s", v.choice)
			}
		})
		require.Greater(t, differ, fewer(100, 10), "the assets differed too rarely to show anything")
	}
}

// mirror exchanges the two assets of a world.
func (s *scene) mirror(st *state) *state {
	m := st.copy()
	b := &m.model.records
	b[0], b[1] = b[1], b[0]
	m.hosts[0], m.hosts[1] = s.renamed(st.hosts[1], 0), s.renamed(st.hosts[0], 1)
	return m
}

// renamed returns a host under another asset's name.
func (s *scene) renamed(h *host, asset int) *host {
	rename := func(id *job.OrderID) {
		if j := s.job(*id); j >= 0 {
			*id = job.MakeOrderID(s.tasks[j].run, assetNames[asset])
		}
	}
	c := *h
	c.asset, c.read = asset, &reading{}
	a := &c.agent
	a.Asset = assetNames[asset]
	rename(&a.Calls.LastCall.Order)
	a.Queue = append(a.Queue[:0:0], a.Queue...)
	for i := range a.Queue {
		rename(&a.Queue[i].ID)
	}
	a.Executions = append(a.Executions[:0:0], a.Executions...)
	for i := range a.Executions {
		rename(&a.Executions[i].Order.ID)
	}
	a.Reports = append(a.Reports[:0:0], a.Reports...)
	for i := range a.Reports {
		rename(&a.Reports[i].Order)
	}
	a.Blocked, a.Ended = append(a.Blocked[:0:0], a.Blocked...), append(a.Ended[:0:0], a.Ended...)
	for i := range a.Blocked {
		rename(&a.Blocked[i])
	}
	for i := range a.Ended {
		rename(&a.Ended[i].Order)
	}
	c.todo = append(c.todo[:0:0], c.todo...)
	for i := range c.todo {
		rename(&c.todo[i].order)
	}
	c.net = append(c.net[:0:0], c.net...)
	for i, m := range c.net {
		if m.request != nil {
			r := *m.request
			r.Asset, r.Reports = assetNames[asset], append(r.Reports[:0:0], r.Reports...)
			for k := range r.Reports {
				rename(&r.Reports[k].Order)
			}
			c.net[i].request = &r
		}
		if len(m.manifest) > 0 {
			c.net[i].manifest, _ = s.seal(asset, m.released)
		}
	}
	return &c
}

// Each field of a state is written to the hash or left out on purpose. A new
// one must be added here.
func TestEveryFieldIsDecidedOn(t *testing.T) {
	for _, c := range []struct {
		value  any
		fields string
	}{
		{agent.State{}, "Asset Revision Held HeldBy Expires Queue Early Blocked Executions Ended Reports Sequence Refusal Owed Trust Calls Back Clock"}, // no trust document: keys do not change
		{agent.Owed{}, "BootID Since"},
		{agent.CallState{}, "Last Out Sent Next Failures Refused LastCall"},
		{agent.LastCall{}, "Order Effect Until Tries"},
		{agent.Early{}, "Order At Next Waiting"},
		{agent.Clock{}, "Offset Known Jump SetBack BootID Up Wall Steady"},
		{execution.State{}, "Order Stage Phase Waiting Last Until Tries Failing Missed Patches Acted Actions Failed Aborted NeedsReboot RebootRequired Pending BootID Sessions Reboot Reboots SaidTooLate Result NotKnown"}, // empty: there is no other release
		{execution.PatchState{}, "PatchOutcome Tries Attempts Reboot Digests"},
		{job.PatchOutcome{}, "Patch Name Status From To Now Code Rule Text Until Check"},
		{reboot.State{}, "Phase BootID Sessions FirstOffer Used Until Asks Lease"},
		{job.Report{}, "Sequence At Order Progress Result TooLate Refused Text Again Patches Actions Reboots"},
		{state{}, "now hosts model server left turns rolled broken"},
		{turns{}, "last at count"},
		{host{}, "asset absent copied boot booted key removed refused had former agent read wake todo net installed staged sessions prompt watch"},
		{observer{}, "newest before orders made taken"},
		{seen{}, "Order ran patches"},
		{watch.Order{}, "Received Started Touched Deploying Needs Result Failed Rebooted Offer Barred"},
		{watch.Patch{}, "Passed Begun"},
		{pending{}, "order effect early"},
		{message{}, "id answer given request ack manifest released"},
		{model{}, "jobs records"},
		{wanted{}, "edited disabled cancelled deleted"},
		{record{}, "revisions entries patches accepted caller"},
		{ledger.Entry{}, "Run Asset Phase Start Since Dropped Grant Progress Stage Began Result Cancelled TooLate Retracted Lost Former Again Doubtful Stale At Ended Reboots Slot Text"},
		{ledger.Caller{}, "Call Top At Came Held Boots Alone Cloned"},
		{ledger.Revisions{}, "Wanted Sealed Issued Expires Digest PutBack Without"},
		{server{}, "store due sync feed jobs accepted fuse"},
		{standing{}, "state patches cancelled"},
		{feed{}, "done ended"},
		{Budget{}, "Turns Changes Crashes Losses Repeats Faults Sessions Sleeps Outages Vendor Reinstalls Restores Removals Clones"},
	} {
		var names []string
		for f := range reflect.TypeOf(c.value).Fields() {
			names = append(names, f.Name)
		}
		require.Equal(t, c.fields, strings.Join(names, " "), "%T: is the new field in canon.go?", c.value)
	}
}

// Nobody sets a clock in these worlds, so the hash can leave out the anchor of
// the steady clock.
func TestClocksAgree_MAN8(t *testing.T) {
	w, err := FindWorld("reboot")
	require.NoError(t, err)
	s, err := newScene(w, driver{})
	require.NoError(t, err)
	st := s.start()
	first := st.hosts[0].agent.Clock
	for range 80 {
		h := st.hosts[0]
		c := h.agent.Clock
		require.Zero(t, c.Offset)
		require.Equal(t, c.Wall.Sub(first.Wall), c.Steady.Sub(first.Steady))
		at := h.moment(st.now)
		require.Equal(t, at.BootID, c.BootID)
		require.Equal(t, at.Up-c.Up, st.now.Sub(c.Wall))
		st = s.apply(st, byDefault)
	}
	require.Positive(t, st.hosts[0].boot)
}
