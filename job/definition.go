package job

import (
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/reboot"
)

// Validate says everything that is wrong with what the definition says; nil means that it can be saved (JOB-20).
// A definition that may be saved is not yet complete: see Enable. The error is an *Invalid.
func (d Definition) Validate() error {
	var p problems
	p.id("id", string(d.ID))
	p.text("name", d.Name)
	switch d.State {
	case Disabled, Enabled, Deleted:
	default:
		p.add("state", d.State.String(), "is no state of a job")
	}
	p.platform(d)
	p.assets(d.Assets)
	p.patches(d.Patches)
	p.actions("pre", d.Pre)
	p.actions("post", d.Post)
	p.schedule(d.Schedule)
	p.spread(d.Schedule, d.Window)
	p.after(d)
	if d.Window != 0 && (d.Window < MinWindow || d.Window > MaxWindow) {
		p.add("window", d.Window.String(), fmt.Sprintf("is neither zero (none) nor between %v and %v (JOB-10)", MinWindow, MaxWindow))
	}
	p.reboot("reboot", d.Reboot)
	return p.err("job " + string(d.ID))
}

// Enable says everything that keeps the definition from being enabled at now (JOB-6): what Validate says, what is missing,
// and a start that is already past. The error is an *Invalid.
func (d Definition) Enable(now time.Time) error {
	var p problems
	if err, ok := errors.AsType[*Invalid](d.Validate()); ok {
		p = err.Problems
	}
	if d.State == Deleted {
		p.add("state", d.State.String(), "is final; save the job under another id (JOB-6)")
	}
	if len(d.Patches.List) == 0 && d.Patches.Query == nil && len(d.Pre) == 0 && len(d.Post) == 0 {
		p.add("patches", "", "no patch, query or action is given; add at least one (JOB-6)")
	}
	if len(d.Assets.Include) == 0 && len(d.Assets.IncludeTags) == 0 {
		p.add("assets", "", "no asset and no tag is included; add at least one (JOB-6)")
	}
	p.past(d.Schedule, now)
	return p.err("job " + string(d.ID))
}

func (p *problems) platform(d Definition) {
	if _, err := d.Platform.MarshalText(); err != nil || d.Platform == 0 {
		p.add("platform", d.Platform.String(), "a job has one platform; choose linux, windows or macos (JOB-7)")
	}
}

func (p *problems) assets(a Assets) {
	ids(p, "assets.include", a.Include)
	ids(p, "assets.exclude", a.Exclude)
	ids(p, "assets.includeTags", a.IncludeTags)
	ids(p, "assets.excludeTags", a.ExcludeTags)
	if a.Match != 0 && !matches.Valid(a.Match) {
		p.add("assets.match", a.Match.String(), "is neither any nor all (JOB-7)")
	}
}

func (p *problems) patches(s Patches) {
	if len(s.List) > 0 && s.Query != nil {
		p.add("patches", "", "both a list and a query are given; keep one of them (JOB-8)")
	}
	if len(s.List) > MaxSelection {
		p.add("patches.list", fmt.Sprint(len(s.List)), fmt.Sprintf("is longer than %d", MaxSelection))
		return
	}
	seen := make(map[string]bool, len(s.List))
	for i, id := range s.List {
		field := fmt.Sprintf("patches.list[%d]", i)
		p.text(field, string(id))
		if id == "" {
			p.add(field, "", "is empty")
		}
		if seen[string(id)] {
			p.add(field, string(id), "is named twice")
		}
		seen[string(id)] = true
	}
	if q := s.Query; q != nil {
		for _, f := range []struct {
			name string
			list []string
		}{{"products", q.Products}, {"vendors", q.Vendors}, {"channels", q.Channels}, {"cves", q.CVEs}} {
			if len(f.list) > MaxSelection {
				p.add("patches.query."+f.name, fmt.Sprint(len(f.list)), fmt.Sprintf("is longer than %d", MaxSelection))
			}
		}
		if _, err := q.MinSeverity.MarshalText(); err != nil {
			p.add("patches.query.minSeverity", q.MinSeverity.String(), "is no severity")
		}
	}
}

func (p *problems) actions(field string, list []Action) {
	if len(list) > MaxActions {
		p.add(field, fmt.Sprint(len(list)), fmt.Sprintf("is longer than %d", MaxActions))
	}
	for i, a := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		p.text(at+".name", a.Name)
		switch {
		case len(a.Command) == 0 || a.Command[0] == "":
			p.add(at+".command", "", "is empty; name the program to run")
		case len(a.Command) > MaxArguments:
			p.add(at+".command", fmt.Sprint(len(a.Command)), fmt.Sprintf("has more than %d words", MaxArguments))
		}
		for j, word := range a.Command {
			if len(word) > MaxText {
				p.add(fmt.Sprintf("%s.command[%d]", at, j), word, fmt.Sprintf("is longer than %d bytes", MaxText))
			}
		}
		if a.Timeout < 0 || a.Timeout > MaxActionTime {
			p.add(at+".timeout", a.Timeout.String(), fmt.Sprintf("is not between zero (%v) and %v", DefaultActionTime, MaxActionTime))
		}
	}
}

func (p *problems) reboot(field string, policy reboot.Policy) {
	if err := policy.Validate(); err != nil {
		p.add(field, "", err.Error())
	}
}

// ids checks a list of asset ids or tags.
func ids[T ~string](p *problems, field string, list []T) {
	if len(list) > MaxSelection {
		p.add(field, fmt.Sprint(len(list)), fmt.Sprintf("is longer than %d", MaxSelection))
		return
	}
	for i, id := range list {
		p.id(fmt.Sprintf("%s[%d]", field, i), string(id))
	}
}
