package agentsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// deeds is what an asset, its user, its network and its parts can do: the words behind the asset's id.
const deeds = `ASSET logs in|logs out|locks|unlocks
ASSET cannot|can tell who is logged in
ASSET answers later|now[ N times]           the next prompts, a minute after each, if somebody is there
ASSET user says later|now                   at once
ASSET crashes                               the agent; crashes before|after STEP[ of JOB]: once, at that commit
ASSET loses power before|after STEP[ of JOB]
ASSET reboots[ off for D]|goes off|comes on|sleeps for D|ignores N reboots
ASSET network cut|network back
ASSET loses the next N calls|answers        on their way
ASSET next N calls arrive twice|D late
ASSET is sent a forged|expired|old|damaged|huge manifest, or a manifest of another asset
ASSET clock +D|-D
ASSET moves to ZONE                         its computer's time zone
ASSET loses its state
ASSET installer of PRODUCT fails|crashes the agent[ N times]
ASSET installer of PRODUCT lies|asks for a reboot|leaves the reboot mark|is undone by a reboot|works
ASSET download of PRODUCT fails with CODE
ASSET refuses PRODUCT: WHY
ASSET inventory fails N times
ASSET action NAME exits N
ASSET takes D for inventory|download|install|action|boot
ASSET has PRODUCT VERSION                   somebody else installed it
ASSET waits for reboots by hand
ASSET is held to POLICY|no policy           a signer policy`

// assetDoes is a line that begins with an asset's id.
func (p *player) assetDoes(a *asset, rest string) error {
	f := strings.Fields(rest)
	if a.asleep() {
		return notNowf("%s sleeps until +%s", a.id, short(a.sleep.Sub(p.w.cfg.Start)))
	}
	switch {
	case rest == "logs in", rest == "unlocks":
		a.login(reboot.Active)
	case rest == "logs out":
		a.login(reboot.Nobody)
	case rest == "locks":
		a.login(reboot.Locked)
	case rest == "cannot tell who is logged in", rest == "can tell who is logged in":
		a.blind = f[0] == "cannot"
		a.tellSessions()
	case len(f) > 1 && f[0] == "answers":
		return a.answer(f[1:])
	case rest == "user says later", rest == "user says now":
		return a.userSays(f[2] == "later")
	case len(f) > 0 && (f[0] == "crashes" || f[0] == "reboots" || f[0] == "goes" || f[0] == "comes" || f[0] == "sleeps" || f[0] == "loses" || f[0] == "ignores"):
		return a.lives(rest, f)
	case len(f) > 0 && (f[0] == "network" || f[0] == "next" || rest == "is sent a "+strings.Join(f[min(3, len(f)):], " ")):
		return a.network(rest, f)
	case len(f) == 2 && f[0] == "clock":
		return a.setClock(f[1])
	case strings.HasPrefix(rest, "installer of ") && len(f) > 3:
		return a.breaks(catalog.ProductID(f[2]), f[3:])
	case strings.HasPrefix(rest, "download of ") && len(f) == 6 && f[3] == "fails" && f[4] == "with":
		code, err := job.ParseCode(f[5])
		a.faults[catalog.ProductID(f[2])] = fault{noFetch: code}
		return err
	case len(f) > 2 && f[0] == "refuses":
		product, why, _ := strings.Cut(strings.TrimPrefix(rest, "refuses "), ":")
		a.faults[catalog.ProductID(product)] = fault{refuse: strings.TrimSpace(why)}
	case strings.HasPrefix(rest, "inventory fails ") && len(f) == 4 && f[3] == "times":
		n, err := number(f[2])
		a.unread = n
		return err
	case len(f) == 4 && f[0] == "action" && f[2] == "exits":
		n, err := number(f[3])
		a.exits[f[1]] = n
		return err
	case len(f) == 4 && f[0] == "takes" && f[2] == "for":
		return a.slow(f[1], f[3])
	case len(f) == 3 && f[0] == "has":
		v, err := p.w.vendor.parseVersion(f[1], f[2])
		if err == nil {
			a.log("somebody installs %s %s", f[1], v)
			a.installed[catalog.ProductID(f[1])] = v
		}
		return err
	case len(f) == 3 && strings.HasPrefix(rest, "moves to "):
		if err := schedule.ValidZone(f[2]); err != nil {
			return err
		}
		a.log("%s", rest)
		a.zone = f[2]
	case strings.HasPrefix(rest, "is held to "):
		policy, err := p.named(strings.TrimPrefix(rest, "is held to "))
		if err != nil {
			return err
		}
		a.log("%s", rest)
		a.config.Policy = policy
	case rest == "waits for reboots by hand":
		a.config.WaitParked = true
	default:
		return fmt.Errorf("%q is nothing an asset does; write one of:\n%s", rest, deeds)
	}
	return nil
}

func (a *asset) answer(f []string) error {
	n := 1
	if len(f) == 3 && f[2] == "times" {
		var err error
		if n, err = number(f[1]); err != nil {
			return err
		}
	} else if len(f) != 1 {
		return errors.New("write: answers later 3 times")
	}
	if f[0] != "later" && f[0] != "now" {
		return fmt.Errorf("a user answers later or now, not %q", f[0])
	}
	if len(a.answers)+n > MaxTimes {
		return fmt.Errorf("a user has %d answers at most", MaxTimes)
	}
	for range n {
		a.answers = append(a.answers, f[0] == "later")
	}
	return nil
}

func (a *asset) userSays(later bool) error {
	if !a.up {
		return notNowf("%s is off", a.id)
	}
	for _, x := range a.state.Executions {
		a.says(later, func(ev execution.Event) { a.step(agent.ForOrder{Order: x.Order.ID, Event: ev}) })
	}
	return nil
}

// lives is what becomes of the computer and its agent as a whole.
func (a *asset) lives(rest string, f []string) error {
	if !a.up && f[0] != "comes" && f[0] != "goes" {
		return notNowf("%s is off", a.id)
	}
	switch {
	case rest == "crashes":
		a.log("agent crashes")
		a.crash()
	case f[0] == "crashes":
		t, err := parseTrap(f[1:])
		a.traps = append(slices.Clip(a.traps), t)
		return err
	case rest == "goes off":
		a.log("is switched off")
		a.stop()
		a.up = false
	case rest == "comes on":
		if a.up {
			return notNowf("%s is on", a.id)
		}
		a.boot(0)
	case rest == "reboots":
		a.log("is rebooted by hand")
		a.boot(a.took.boot)
	case len(f) == 4 && strings.HasPrefix(rest, "reboots off for "):
		d, err := ParseDuration(f[3])
		if err != nil {
			return err
		}
		a.log("is rebooted by hand, off for %s", short(d))
		a.boot(d)
	case len(f) == 3 && strings.HasPrefix(rest, "sleeps for "):
		d, err := ParseDuration(f[2])
		if err != nil {
			return err
		}
		a.log("sleeps for %s", short(d))
		a.sleep = a.w.now.Add(d)
		a.after(0, nil, func() {
			a.log("wakes up")
			a.tellSessions()
			a.step(agent.Tick{})
		})
	case len(f) == 3 && f[0] == "ignores" && f[2] == "reboots":
		n, err := number(f[1])
		a.ignored = n
		return err
	case rest == "loses its state":
		a.log("loses its state")
		a.stop()
		a.disk = nil
		a.watch.forget()
		a.start()
	case strings.HasPrefix(rest, "loses power "):
		t, err := parseTrap(f[2:])
		t.power = true
		a.traps = append(slices.Clip(a.traps), t)
		return err
	case len(f) == 5 && strings.HasPrefix(rest, "loses the next "):
		n, err := number(f[3])
		switch f[4] {
		case "calls":
			a.link.loseCalls = n
		case "answers":
			a.link.loseAnswers = n
		default:
			err = errors.New("write: loses the next 3 calls, or loses the next 3 answers")
		}
		return err
	default:
		return fmt.Errorf("%q is nothing an asset does; write one of:\n%s", rest, deeds)
	}
	return nil
}

// network is what becomes of an asset's messages.
func (a *asset) network(rest string, f []string) error {
	const syntax = "write: network cut, network back, next 2 calls arrive twice, next 2 calls arrive 5m late, or is sent a %s"
	switch {
	case rest == "network cut", rest == "network back":
		a.log("%s", rest)
		a.link.cut = f[1] == "cut"
	case len(f) == 5 && f[0] == "next" && f[2] == "calls" && f[3] == "arrive" && f[4] == "twice":
		n, err := number(f[1])
		a.link.repeat = n
		return err
	case len(f) == 6 && f[0] == "next" && f[2] == "calls" && f[3] == "arrive" && f[5] == "late":
		n, err := number(f[1])
		if err == nil {
			a.link.lateness, err = ParseDuration(f[4])
		}
		a.link.late = n
		return err
	case rest == "is sent a manifest of another asset":
		a.link.fake = "other asset"
	case len(f) == 5 && f[4] == "manifest" && slices.Contains([]string{"forged", "expired", "old", "damaged", "huge"}, f[3]):
		a.link.fake = f[3]
	default:
		return fmt.Errorf(syntax, fakes)
	}
	return nil
}

// setClock sets the asset's own clock forward or back against what it shows.
func (a *asset) setClock(by string) error {
	sign := time.Duration(1)
	amount, ok := strings.CutPrefix(by, "+")
	if !ok {
		if amount, ok = strings.CutPrefix(by, "-"); !ok {
			return errors.New("write: clock +2h or clock -2h")
		}
		sign = -1
	}
	d, err := ParseDuration(amount)
	if err != nil {
		return err
	}
	if skew := a.skew + sign*d; skew.Abs() > MaxSpan {
		return fmt.Errorf("the clock would be %s off; %s at most", short(skew.Abs()), short(MaxSpan))
	}
	a.log("clock set by %s", by)
	a.skew += sign * d
	a.step(agent.Tick{}) // as a driver does that looks at the clock every so often
	return nil
}

// breaks sets what the installer of a product does from now on.
func (a *asset) breaks(product catalog.ProductID, f []string) error {
	times := 0
	if n := len(f); n > 2 && f[n-1] == "times" {
		var err error
		if times, err = number(f[n-2]); err != nil {
			return err
		}
		f = f[:n-2]
	}
	var is fault
	switch how := strings.Join(f, " "); how {
	case "fails":
		is = fault{code: job.InstallerFailed, text: "The installer ended with exit code 1.", times: times}
	case "crashes the agent":
		is = fault{crash: true, times: times}
	case "lies":
		is.lies = true
	case "asks for a reboot":
		is.reboot = true
	case "leaves the reboot mark":
		is.marks = true
	case "is undone by a reboot":
		is.undone, is.reboot = true, true
	case "works":
	default:
		return fmt.Errorf("%q is nothing an installer does: it fails, crashes the agent, lies, asks for a reboot, leaves the reboot mark, is undone by a reboot, or works", how)
	}
	a.faults[product] = is
	return nil
}

func (a *asset) slow(duration, what string) error {
	d, err := ParseDuration(duration)
	if err != nil {
		return err
	}
	times := map[string]*time.Duration{
		"inventory": &a.took.inventory, "download": &a.took.download, "install": &a.took.install, "action": &a.took.action, "boot": &a.took.boot,
	}
	if times[what] == nil {
		return fmt.Errorf("%q takes no time; inventory, download, install, action and boot do", what)
	}
	*times[what] = d
	return nil
}
