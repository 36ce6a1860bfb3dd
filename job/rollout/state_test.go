package rollout_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// The bytes of a state are fixed: a release that writes others gives Format
// another number.
func TestEncoding(t *testing.T) {
	st := newStage(t, two(2, rollout.Gate{Results: 1}, 0), append(tagged("canary", "a", "b"), tagged("", "z")...)...)
	st.grant("a", "b")
	st.end(rollout.Failure, "a")
	text, err := st.s.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, `{"format":1,"salt":"1.2.3","phase":"stopped","budget":2,`+
		`"rings":[{"granted":1,"failed":1,"start":"2026-06-01T00:00:00Z","enough":"2026-06-01T00:00:00Z"},`+
		`{"waiting":1}],"why":{"rule":"ROL-2","text":"Ring \"canary\" can no longer reach 100 percent: 1 of its 2 assets failed."}}`, string(text))
	var again rollout.State
	require.NoError(t, again.UnmarshalBinary(text))
	require.Equal(t, st.s, again)
	m, err := json.Marshal(st.m["a"])
	require.NoError(t, err)
	require.Equal(t, `{"id":"a","ring":0,"phase":"failed","grant":1,"since":"2026-06-01T00:00:00Z"}`, string(m))

	later := strings.Replace(string(text), `"phase"`, `"colour":"red","phase"`, 1)
	require.NoError(t, again.UnmarshalBinary([]byte(later)), "a field that only a later release knows")
	for old, want := range map[string]string{
		`"format":1`:        `"format":2` + "|is not known here",
		`"budget":2`:        `"budget":1|is exceeded`,
		`"phase":"stopped"`: `"phase":"sleeping"|cannot be read`,
		`{"waiting":1}`:     `{"granted":-1}|out of bounds`,
		`"rings":[`:         `"rings":[{},|started before an earlier ring`,
		`{"waiting":1}]`:    `{"verified":1}]|has not started`,
		`"salt"`:            `salt|is not JSON`,
	} {
		wrong, why, _ := strings.Cut(want, "|")
		var bad *rollout.Invalid
		err := again.UnmarshalBinary([]byte(strings.Replace(string(text), old, wrong, 1)))
		require.ErrorAs(t, err, &bad, wrong)
		require.ErrorContains(t, err, why)
	}
	require.ErrorContains(t, again.UnmarshalBinary(make([]byte, rollout.MaxState+1)), "at most 64000")
	require.Equal(t, st.s.Rings, again.Rings, "after an error it is as it was")
	require.Error(t, rollout.Member{Phase: rollout.Waiting, Silent: true, Accepted: true, Ring: -1}.Validate())
	require.Error(t, rollout.Member{ID: "a", Phase: rollout.Granted}.Validate())
}

// The state of the largest policy fits.
func TestLargestState(t *testing.T) {
	p := three(rollout.MaxCount)
	for i := range rollout.MaxRings - len(p.Rings) {
		p.Rings = append([]rollout.RingPolicy{{Name: fmt.Sprint(i), Tag: fmt.Sprint(i), Gate: p.Rings[0].Gate}}, p.Rings...)
	}
	require.NoError(t, p.Validate())
	s := rollout.Begin(p, strings.Repeat("<", rollout.MaxText), nil, t0)
	for i := range s.Rings {
		n := rollout.MaxCount / 200
		s.Rings[i] = rollout.Ring{Counts: rollout.Counts{Waiting: n, Granted: n, Begun: n, Silent: n, Verified: n, Failed: n, Lost: n, Accepted: n, Left: n},
			Limit: rollout.MaxCount, UpTo: 1<<64 - 1, Start: t0, Enough: t0}
	}
	s.Why = rollout.Reason{Rule: "ROL-4", Text: strings.Repeat("\x01", 2*rollout.MaxText)}
	text, err := s.MarshalBinary()
	require.NoError(t, err)
	require.Less(t, len(text), rollout.MaxState)
}

// Whatever bytes come, the decoder returns an error or a valid state, whose
// bytes are canonical.
func FuzzState(f *testing.F) {
	for _, s := range worlds() {
		n := s.start()
		text, err := n.state.MarshalBinary()
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s rollout.State
		if s.UnmarshalBinary(data) != nil {
			require.Zero(t, s)
			return
		}
		require.NoError(t, s.Validate())
		text, err := s.MarshalBinary()
		require.NoError(t, err)
		var again rollout.State
		require.NoError(t, again.UnmarshalBinary(text))
		twice, err := again.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, text, twice)
		p := three(1)
		for _, ev := range []rollout.Event{rollout.Tick{}, rollout.StopAsked{Act: ana}, rollout.ResumeAsked{Act: ana}, rollout.ExpediteAsked{Act: ana, To: 1}} {
			if s.Epoch < 1_000_000_000 { // nobody resumes so often
				s, _ = rollout.Step(p, s, ev, t0)
				require.NoError(t, s.Validate())
			}
		}
	})
}

// Reports of several assets give the same state and members in every order, and
// repeated ones change nothing. So it does not matter which of the servers gets
// which report first (ROL-3).
func TestOrderOfReports_ROL3(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gate := rollout.Gate{Results: rapid.IntRange(1, 4).Draw(t, "results"), Success: rapid.IntRange(1, 100).Draw(t, "success")}
		p := two(rapid.IntRange(1, 8).Draw(t, "budget"), gate, 0)
		ids := strings.Split("abcdefgh", "")
		s := rollout.Begin(p, "r", tagged("canary", ids...), t0)
		members := map[string]rollout.Member{}
		type report struct {
			id string
			ev rollout.MemberEvent
		}
		var reports []report
		for _, id := range ids {
			m := s.Place(p, rollout.Asset{ID: id, Tags: []string{"canary"}})
			var out rollout.Out
			if s, m, out = rollout.StepMember(p, s, m, rollout.Ask{}, t0); out.Grant {
				if rapid.Bool().Draw(t, "begins") {
					reports = append(reports, report{id, rollout.Began{Grant: 1}})
				}
				if o := rollout.Outcome(rapid.IntRange(0, 4).Draw(t, "outcome")); o > 0 {
					reports = append(reports, report{id, rollout.Ended{Grant: 1, Outcome: o}})
				}
			}
			members[id] = m
		}
		play := func(reports []report) (rollout.State, map[string]rollout.Member) {
			s, now := s, map[string]rollout.Member{}
			for id, m := range members {
				now[id] = m
			}
			for _, r := range reports {
				s, now[r.id], _ = rollout.StepMember(p, s, now[r.id], r.ev, t0)
			}
			s.Why = rollout.Reason{} // it names the report that came last
			return s, now
		}
		one, members1 := play(reports)
		shuffled := rapid.Permutation(reports).Draw(t, "order")
		shuffled = append(shuffled, rapid.SliceOf(rapid.SampledFrom(append(reports, report{"a", rollout.Began{}}))).Draw(t, "again")...)
		two, members2 := play(shuffled)
		require.Equal(t, one, two)
		require.Equal(t, members1, members2)
	})
}
