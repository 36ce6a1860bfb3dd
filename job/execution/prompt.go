package execution

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Prompt shows, replaces or clears the reboot prompt, with what the user needs
// to know (RBT-12). The user's answer comes as [PromptAnswered]. Names come from
// administrators and vendors: unprintable characters are escaped, and names are
// cut to 100 bytes.
type Prompt struct {
	Kind reboot.Effect // ShowPrompt, ShowCountdown or ClearPrompt; the fields below belong to the first two
	Job  string        // the job's name, or its id if it has none
	For  []string      // what the reboot is for, the first ten; see Reasons
	More int           // how many more there are
	Last time.Time     // UTC: the latest time at which the reboot is requested
}

func (Prompt) effect() {}

// Reasons says what the reboot is for, as "curl, openssl and 3 more": the
// installed products, the actions that ask for a reboot, and a reboot that was
// pending already.
func (p Prompt) Reasons() string {
	list := strings.Join(p.For, ", ")
	if p.More > 0 {
		list += fmt.Sprintf(" and %d more", p.More)
	}
	return list
}

// prompt adds to an effect of the reboot machine what the user needs to know.
func (m *machine) prompt(kind reboot.Effect) Prompt {
	p := Prompt{Kind: kind}
	switch kind := kind.(type) {
	case reboot.ShowPrompt:
		p.Last = m.now.UTC.Add(kind.Last.Sub(m.now.Steady))
	case reboot.ShowCountdown:
		p.Last = m.now.UTC.Add(kind.Last.Sub(m.now.Steady))
	default:
		return p
	}
	p.Job = shown(cmp.Or(m.Order.Name, string(m.Order.Job)))
	p.For = m.reasons()
	if p.More = max(len(p.For)-maxNamed, 0); p.More > 0 {
		p.For = p.For[:maxNamed]
	}
	for i, name := range p.For {
		p.For[i] = shown(name)
	}
	return p
}

func shown(name string) string { return problem.Clip(problem.Printable(name), maxName) }

func (m *machine) reasons() (list []string) {
	for i, p := range m.Patches {
		if p.Status == job.Installed {
			list = append(list, cmp.Or(p.Name, string(m.Order.Patches[i].Product)))
		}
	}
	for _, a := range m.Actions {
		if a.Exit == exitReboot || a.Exit == exitFailedReboot {
			list = append(list, "action "+a.Name)
		}
	}
	if m.Pending {
		list = append(list, "a reboot that was pending already")
	}
	return list
}
