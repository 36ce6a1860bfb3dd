package agentsim

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// deeds is what an asset, its user or its parts can do: the words behind the asset's id.
const deeds = "logs in, logs out, locks, unlocks, cannot tell who is logged in, can tell who is logged in, answers later|now[ N times], " +
	"crashes, reboots[ off for D], goes off, comes on, network cut, network back, clock +D|-D, loses its state, " +
	"installer of PRODUCT fails|crashes the agent|lies|asks for a reboot|leaves the reboot mark|is undone by a reboot|works, refuses PRODUCT: WHY, " +
	"action NAME exits N, takes D for inventory|download|install|action|boot, waits for reboots by hand"

// assetDoes is a line that begins with an asset's id.
func (p *player) assetDoes(a *asset, rest string) error {
	f := strings.Fields(rest)
	switch {
	case rest == "logs in", rest == "unlocks":
		a.login(reboot.Active)
	case rest == "logs out":
		a.login(reboot.Nobody)
	case rest == "locks":
		a.login(reboot.Locked)
	case rest == "cannot tell who is logged in":
		a.blind = true
		a.tellSessions()
	case rest == "can tell who is logged in":
		a.blind = false
		a.tellSessions()
	case strings.HasPrefix(rest, "answers "):
		return a.answer(f[1:])
	case rest == "crashes":
		a.w.log(string(a.id), "agent crashes")
		a.crash()
		a.restart()
	case rest == "goes off":
		a.w.log(string(a.id), "is switched off")
		a.crash()
		a.up = false
	case rest == "comes on":
		a.boot(0)
	case rest == "reboots":
		a.w.log(string(a.id), "is rebooted by hand")
		a.boot(a.took.boot)
	case rest == "network cut":
		a.w.log(string(a.id), "network cut")
		a.network = false
	case rest == "network back":
		a.w.log(string(a.id), "network back")
		a.network = true
	case len(f) == 2 && f[0] == "clock":
		return a.setClock(f[1])
	case rest == "loses its state":
		a.w.log(string(a.id), "loses its state")
		a.crash()
		a.disk, a.state = nil, agent.State{}
		a.journal = nil
		a.restart()
	case strings.HasPrefix(rest, "installer of ") && len(f) > 3:
		return a.breaks(catalog.ProductID(f[2]), strings.Join(f[3:], " "))
	case len(f) > 2 && f[0] == "refuses":
		product, why, _ := strings.Cut(strings.TrimPrefix(rest, "refuses "), ":")
		a.faults[catalog.ProductID(product)] = fault{refuse: strings.TrimSpace(why)}
	case len(f) == 4 && f[0] == "action" && f[2] == "exits":
		n, err := number(f[3])
		a.exits[f[1]] = n
		return err
	case len(f) == 4 && f[0] == "takes" && f[2] == "for":
		return a.slow(f[1], f[3])
	case rest == "waits for reboots by hand":
		a.config.WaitParked = true
	default:
		return fmt.Errorf("%q is nothing an asset does: %s", rest, deeds)
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
	for range n {
		a.answers = append(a.answers, f[0] == "later")
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
	a.w.log(string(a.id), "clock set by %s", by)
	a.skew += sign * d
	a.step(agent.Tick{}) // as a driver does that looks at the clock every so often
	return nil
}

// breaks sets what the installer of a product does from now on.
func (a *asset) breaks(product catalog.ProductID, how string) error {
	var f fault
	switch how {
	case "fails":
		f = fault{code: job.InstallerFailed, text: "The installer ended with exit code 1."}
	case "lies":
		f.lies = true
	case "asks for a reboot":
		f.reboot = true
	case "leaves the reboot mark":
		f.marks = true
	case "is undone by a reboot":
		f.undone, f.reboot = true, true
	case "works":
	default:
		return fmt.Errorf("%q is nothing an installer does", how)
	}
	a.faults[product] = f
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
