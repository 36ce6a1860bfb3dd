package random

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// asset adds an asset and all that happens to it, with random numbers of its own.
func (g *generator) asset(id string) {
	d := stream(g.Seed, "asset", id)
	born := time.Duration(0)
	if d.chance(10) {
		born = d.when(0, g.end*3/4)
	}
	zone := d.some(80, " in ", zones...)
	tagged := "all"
	for _, t := range tags {
		tagged += d.some(40, " "+t)
	}
	g.add(born, "asset %s%s tagged %s%s", id, zone, tagged, g.installed(d))
	a := &life{g: g, d: d, id: id, born: born, waits: d.chance(15)}
	if a.waits {
		g.add(born, "%s waits for reboots by hand", id)
	}
	a.user()
	if p := stream(g.Seed, "pending", id); p.chance(30) { // something other than a job asks for a reboot (RBT-11)
		for range p.between(1, g.Weeks) {
			g.try(p.when(born, g.end), "reboot pending on %s", id)
		}
	}
	luck := pick(d, 0, 1, 3, 6, 10) // at most this many troubles of each kind per week
	for _, t := range []struct {
		trouble Trouble
		happen  func(at time.Duration)
	}{{Network, a.network}, {Power, a.power}, {Clocks, a.clock}, {Installers, a.installers}} {
		for range d.between(0, luck*g.Weeks) {
			if at := d.when(born, g.end-day); g.has(t.trouble) {
				t.happen(at)
			}
		}
	}
	a.removed()
	a.rest()
}

// removed removes the asset from the server, and perhaps enrols it again.
func (a *life) removed() {
	d := a.d
	gone, at := d.chance(15), d.when(a.born, a.g.end-day)
	back, soon := d.chance(50), a.until(at, 4*day)
	if !gone || !a.g.has(Edits) {
		return
	}
	a.g.try(at, "remove %s", a.id)
	if back {
		a.does(soon, "is reinstalled")
	}
}

func (g *generator) installed(d dice) string {
	var has []string
	for _, p := range g.products {
		if d.chance(75) {
			hold := d.some(5, " on hold")
			has = append(has, fmt.Sprintf("%s %d.0%s", p.name, d.between(1, min(2, p.versions)), hold))
		}
	}
	if len(has) == 0 {
		return ""
	}
	return " has " + strings.Join(has, ", ")
}

// life is one asset while its lines are made.
type life struct {
	g    *generator
	d    dice
	id   string
	born time.Duration

	waits bool // later jobs wait for reboots by hand
	dead  bool // it never comes back
}

// does adds a line about the asset, which can be off or asleep then.
func (a *life) does(at time.Duration, format string, args ...any) {
	a.g.try(at, a.id+" "+format, args...)
}

// until returns when something ends: before the end of trouble.
func (a *life) until(at, longest time.Duration) time.Duration {
	return min(at+a.d.span(time.Minute, longest), a.g.end)
}

// user adds a user. Most assets have none, or one who logs in on some days.
func (a *life) user() {
	d := a.d
	if d.chance(50) {
		return
	}
	for range d.between(1, 3*a.g.Weeks) {
		at := d.when(a.born, a.g.end)
		a.does(at, "logs in")
		if d.chance(30) {
			a.does(at, "answers later %d times", d.between(1, 5))
		}
		if d.chance(30) {
			a.does(a.until(at, 8*time.Hour), "user says %s", pick(d, "later", "now"))
		}
		if d.chance(40) {
			a.does(a.until(at, 2*day), "locks")
		}
		if d.chance(70) {
			a.does(a.until(at, 4*day), "logs out")
		}
	}
	if d.chance(10) {
		a.does(d.when(a.born, a.g.end), "cannot tell who is logged in")
	}
}

func (a *life) network(at time.Duration) {
	d := a.d
	switch d.IntN(8) {
	case 0, 1:
		a.does(at, "network cut")
		a.does(a.until(at, 6*day), "network back")
	case 2:
		a.does(at, "loses the next %d calls", d.between(1, 30))
	case 3:
		a.does(at, "loses the next %d answers", d.between(1, 30))
	case 4:
		a.does(at, "next %d calls arrive twice", d.between(1, 200))
	case 5, 6:
		a.does(at, "next %d calls arrive %s late", d.between(1, 5), agentsim.FormatDuration(d.span(time.Second, day)))
	case 7:
		a.does(at, "is sent %s", pick(d, "a forged manifest", "a expired manifest", "a old manifest", "a damaged manifest", "a huge manifest", "a manifest of another asset"))
	}
}

// trapSteps are the steps around whose commits agents crash.
var trapSteps = strings.Fields("Received Blocked Started Downloading Downloaded Deploying Rebooting Resumed Completed CompletedWithFailures " +
	"Failed PendingReboot PendingVerification Withdrawn Cancelled TimedOut inventory download preflight install action prompt reboot")

func (a *life) power(at time.Duration) {
	d := a.d
	switch d.IntN(12) {
	case 0, 1, 2, 3:
		a.does(at, "%s %s %s", pick(d, "crashes", "crashes", "loses power"), pick(d, "before", "after"), pick(d, trapSteps...))
	case 4:
		a.does(at, "crashes")
	case 5:
		a.does(at, "reboots")
	case 6:
		a.does(at, "reboots off for %s", agentsim.FormatDuration(a.until(at, 10*day)-at))
	case 7:
		a.does(at, "goes off")
		a.does(a.until(at, 10*day), "comes on")
	case 8, 9:
		a.does(at, "sleeps for %s", agentsim.FormatDuration(a.until(at, 3*day)-at))
	case 10:
		a.does(at, "ignores %d reboots", d.between(1, 3))
	case 11:
		switch {
		case d.chance(20):
			a.does(at, "%s", pick(d, "loses its state", "is reinstalled"))
		case d.chance(20):
			a.dead = true
			a.does(at, "goes off")
		}
	}
}

func (a *life) clock(at time.Duration) {
	d := a.d
	if d.chance(20) {
		a.does(at, "moves to %s", pick(d, zones...))
		return
	}
	by := pick(d, "+", "-") + agentsim.FormatDuration(d.span(time.Second, 40*day))
	a.does(at, "clock %s", by)
	if d.chance(50) { // it is corrected
		a.does(a.until(at, 2*day), "clock %s", strings.NewReplacer("+", "-", "-", "+").Replace(by))
	}
}

func (a *life) installers(at time.Duration) {
	d := a.d
	p := pick(d, a.g.products...)
	switch d.IntN(10) {
	case 0:
		a.does(at, "installer of %s fails%s", p.name, pick(d, "", " 1 times", " 2 times"))
	case 1:
		a.does(at, "installer of %s crashes the agent%s", p.name, pick(d, "", " 1 times", " 2 times"))
	case 2:
		a.does(at, "installer of %s %s", p.name, pick(d, "lies", "asks for a reboot", "leaves the reboot mark", "is undone by a reboot"))
	case 3:
		a.does(at, "download of %s fails with %s", p.name, pick(d, "FileDownloadFailed", "LanguageDownloadNotAvailable", "PatchURLMissing", "UnspecifiedAgentError"))
	case 4:
		a.does(at, "refuses %s: no room", p.name)
	case 5:
		a.does(at, "inventory fails %d times", d.between(1, 8))
	case 6:
		a.does(at, "action %s exits %d", pick(d, "stop", "start", "check"), pick(d, 0, 1, 10, 11, 12, 101, 7))
	case 7, 8:
		a.does(at, "takes %s for %s", agentsim.FormatDuration(d.span(time.Second, 12*time.Hour)), pick(d, "inventory", "download", "install", "install", "install", "action", "boot"))
	case 9:
		a.does(at, "has %s %d.0", p.name, d.between(1, p.versions))
	}
	if d.chance(50) {
		a.does(a.until(at, 4*day), "installer of %s works", p.name)
	}
}

// rest ends the asset's trouble, and reboots what waits for a reboot by hand.
func (a *life) rest() {
	if a.dead {
		return
	}
	for _, t := range []struct {
		trouble Trouble
		over    []string
	}{
		{Network, []string{"network back", "loses the next 0 calls", "loses the next 0 answers", "next 0 calls arrive 1s late"}},
		{Power, []string{"comes on", "ignores 0 reboots"}},
		{Installers, []string{
			"inventory fails 0 times", "takes 1s for inventory", "takes 10s for download", "takes 30s for install", "takes 10s for action", "takes 1m for boot",
		}},
	} {
		for _, what := range t.over {
			if a.g.has(t.trouble) {
				a.does(a.g.end, "%s", what)
			}
		}
	}
	a.does(a.g.end, "can tell who is logged in")
	a.does(a.g.end, "logs out")
	for i := 1; a.waits && i <= 10; i++ {
		a.does(a.g.end+time.Duration(i)*8*time.Hour, "reboots")
	}
}
