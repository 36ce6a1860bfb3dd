package ledger_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A call shows that the agent's state was lost or put back, unless it was made
// before the newest one (MAN-6, JOB-24).
func TestLostState_MAN6_JOB24(t *testing.T) {
	newest := ledger.Caller{Call: 40, Top: 50, At: t0, Came: t0.Add(time.Second), Held: 7, Boots: []string{"a", "b"}}
	after, before := t0.Add(time.Hour), t0.Add(-time.Hour)
	for _, c := range []struct {
		what string
		in   manifest.CheckIn
		age  ledger.Age
		lost bool
		back bool
	}{
		{"the next", manifest.CheckIn{Call: 41, At: after, Held: 7, Made: 5}, ledger.Newest, false, false},
		{"further", manifest.CheckIn{Call: 51, At: after, Held: 8, Made: 9}, ledger.Newest, false, false},
		{"a clock that was set back, and a number above all", manifest.CheckIn{Call: 51, At: before, Held: 7, Made: 5}, ledger.Newest, false, false},
		{"reports that are sent count", manifest.CheckIn{Call: 41, At: after, Held: 7, Reports: []job.Report{{Sequence: 5}}}, ledger.Newest, false, false},
		{"a lower revision", manifest.CheckIn{Call: 51, At: after, Held: 6, Made: 5}, ledger.Newest, true, false},
		{"fewer reports than were accepted", manifest.CheckIn{Call: 51, At: after, Held: 7, Made: 4}, ledger.Newest, true, false},
		{"an empty state", manifest.CheckIn{Call: 1, At: after}, ledger.Newest, true, true},
		{"an older state that looks the same", manifest.CheckIn{Call: 39, At: after, Held: 7, Made: 5}, ledger.Newest, false, true},
		{"the same number, and a later clock", manifest.CheckIn{Call: 40, At: after, Held: 7, Made: 5, Boot: "b"}, ledger.Newest, false, true},
		{"a boot that was over", manifest.CheckIn{Call: 51, At: after, Held: 7, Made: 5, Boot: "a"}, ledger.Newest, false, true},
		{"by the corrected clock", manifest.CheckIn{Call: 1, At: before, Offset: 2 * time.Hour, Held: 6}, ledger.Newest, true, true},
		{"the next, at once", manifest.CheckIn{Call: 41, At: t0, Held: 7, Made: 5}, ledger.Newest, false, false},
		{"a call that came late", manifest.CheckIn{Call: 39, At: before, Held: 6, Made: 4, Boot: "a"}, ledger.Late, false, false},
		{"late, of a state that was put back since", manifest.CheckIn{Call: 45, At: before, Held: 6, Made: 4}, ledger.Late, false, false},
		{"the same call again", manifest.CheckIn{Call: 40, At: t0, Held: 7, Made: 5, Boot: "b"}, ledger.Repeat, false, false},
		{"the same number at the same time, of another boot", manifest.CheckIn{Call: 40, At: t0, Held: 7, Made: 5, Boot: "c"}, ledger.Newest, false, true},
	} {
		next, heard := newest.Heard(c.in, 5, t0)
		require.Equal(t, ledger.Heard{Age: c.age, Lost: c.lost, Back: c.back}, heard, c.what)
		if heard.Age != ledger.Newest {
			require.Equal(t, newest, next, c.what)
		} else {
			require.Equal(t, []any{c.in.Call, max(c.in.Call, 50), c.in.Held}, []any{next.Call, next.Top, next.Held}, c.what)
		}
	}
	// The first call after a loss has a clock that is two hours ahead; then the
	// agent has learned its offset.
	lost, heard := newest.Heard(manifest.CheckIn{Call: 1, At: t0.Add(3 * time.Hour)}, 5, after)
	require.Equal(t, ledger.Heard{Age: ledger.Newest, Lost: true, Back: true}, heard)
	_, heard = lost.Heard(manifest.CheckIn{Call: 1, At: t0.Add(3 * time.Hour)}, 5, after.Add(time.Second))
	require.Equal(t, ledger.Repeat, heard.Age)
	_, heard = lost.Heard(manifest.CheckIn{Call: 2, At: t0.Add(3 * time.Hour), Offset: -2 * time.Hour, Made: 5}, 5, after.Add(time.Second))
	require.Equal(t, ledger.Heard{Age: ledger.Newest}, heard)

	_, heard = ledger.Caller{}.Heard(manifest.CheckIn{Call: 1, At: t0}, 0, t0)
	require.Equal(t, ledger.Heard{Age: ledger.Newest}, heard, "the first call of all")
}

// play brings calls to a caller, "a101@5": of boot a, number 101, made in the
// fifth minute. They arrive in their order. It returns the caller, and what was
// shown by which call.
func play(calls string) (c ledger.Caller, said string) {
	for _, call := range strings.Fields(calls) {
		boot, rest, _ := strings.Cut(call, ":")
		number, minute, _ := strings.Cut(rest, "@")
		n, _ := strconv.ParseUint(number, 10, 64)
		m, _ := strconv.Atoi(minute)
		was := c.Cloned.IsZero()
		at := t0.Add(time.Duration(m) * time.Minute)
		next, heard := c.Heard(manifest.CheckIn{Call: n, At: at, Boot: boot}, 0, at)
		for _, w := range []struct {
			is   bool
			word string
		}{{heard.Lost, "lost"}, {heard.Back, "back"}, {heard.Age == ledger.Late, "late"}, {heard.Age == ledger.Repeat, "repeat"}, {was && !next.Cloned.IsZero(), "cloned"}, {!was && next.Cloned.IsZero(), "over"}} {
			if w.is {
				said += fmt.Sprintf(" %s:%s %s", boot, number, w.word)
			}
		}
		c = next
	}
	return c, strings.TrimSpace(said)
}

// Two boot identities that each come back after the other are two computers;
// one that comes back is a state that was put back (MAN-9).
func TestTwoComputersOfOneIdentity_MAN9(t *testing.T) {
	for _, c := range []struct{ what, calls, said string }{
		{"one computer", "a:1@0 a:2@15 a:3@30", ""},
		{"it reboots", "a:1@0 b:2@15 b:3@30 c:4@45 d:5@60", ""},
		{"it reboots, and a call of the old boot comes late", "a:1@0 b:3@15 a:2@10 b:4@30", "a:2 late"},
		{"and all of them come late, in turn", "a:1@0 b:4@20 a:2@5 b:5@30 a:3@10 b:6@40", "a:2 late a:3 late"},
		{"a call that is made again", "a:1@0 a:2@15 a:2@15 a:3@30", "a:2 repeat"},
		{"the newest call is played again and again", "a:1@0 b:2@15 a:1@0 b:2@15 a:1@0 b:2@15", "a:1 late b:2 repeat a:1 late b:2 repeat"},
		{"a copied state: the same numbers", "a:101@0 b:101@1 a:102@15 b:102@16", "b:101 back a:102 back b:102 back b:102 cloned"},
		{"a copy that calls at the very same time, always", "a:101@0 b:101@0 a:102@15 b:102@15", "b:101 back a:102 back b:102 back b:102 cloned"},
		{"and whose number is lower", "a:101@0 b:99@0 a:102@15 b:100@15", "b:99 back a:102 back b:100 back b:100 cloned"},
		{"a copy that calls a month later", "a:3000@0 b:101@1 a:3001@15 b:102@16", "b:101 back a:3001 back b:102 back b:102 cloned"},
		{"a copy that calls more often", "a:101@0 b:101@1 b:102@2 b:103@3 b:104@4 a:102@15 b:105@16", "b:101 back a:102 back b:105 back b:105 cloned"},
		{"a copy whose clock is ten minutes slow, until it learns", "a:101@20 b:101@11 a:102@35 b:102@36 a:103@50 b:103@51", "b:101 late b:102 back a:103 back b:103 back b:103 cloned"},
		{"calls of two copies that come late, in turn", "a:101@0 b:103@30 a:102@5 b:104@45", "a:102 late"},
		{"three copies in turn", "a:1@0 b:1@1 c:1@2 a:2@15 b:2@16", "b:1 back c:1 back a:2 back b:2 back b:2 cloned"},
		{"a snapshot of the memory, reverted once", "a:1@0 b:2@15 a:2@30 a:3@45 c:4@60", "a:2 back"},
		{"a snapshot of the memory, reverted twice", "a:1@0 b:2@15 a:2@30 c:3@45 a:2@60 d:3@75 a:2@90", "a:2 back a:2 back a:2 back"},
		{"a snapshot of the disk, reverted twice", "a:1@0 a:2@15 b:2@30 b:3@45 c:2@60", "b:2 back c:2 back"},
		{"two systems on one computer, one after the other", "a:1@0 b:2@15 c:3@30 d:4@45", ""},
		{"an agent that does not know its boot", ":1@0 :2@15", ""},
		{"one of the copies alone for 24 h", "a:1@0 b:1@1 a:2@2 b:2@3 b:3@1442 b:4@1443 b:5@1444", "b:1 back a:2 back b:2 back b:2 cloned b:4 over"},
		{"23 hours, and the other one calls", "a:1@0 b:1@1 a:2@2 b:2@3 b:3@1400 a:3@1401 b:4@1443 b:5@2883", "b:1 back a:2 back b:2 back b:2 cloned b:5 over"},
		{"it reboots meanwhile", "a:1@0 b:1@1 a:2@2 b:2@3 c:3@1000 c:4@1443 c:5@2440", "b:1 back a:2 back b:2 back b:2 cloned c:5 over"},
		{"cloned again", "a:1@0 b:1@1 a:2@2 b:2@3 b:4@1443 a:3@1450 b:5@1451", "b:1 back a:2 back b:2 back b:2 cloned b:4 over a:3 back b:5 back"},
	} {
		_, said := play(c.calls)
		require.Equal(t, c.said, said, c.what)
	}
}

// What is remembered has a bound, and a number near the end of all does no harm.
func TestCallerIsBounded(t *testing.T) {
	var c ledger.Caller
	for i := range 100 {
		at := t0.Add(time.Duration(i) * time.Hour)
		c, _ = c.Heard(manifest.CheckIn{Call: 1<<53 - 1, At: at, Boot: fmt.Sprint(i)}, 0, at)
		require.LessOrEqual(t, len(c.Boots), 8)
	}
	require.True(t, c.Cloned.IsZero())
	settled := c.Settled()
	require.Equal(t, []string{"99"}, settled.Boots)
}
