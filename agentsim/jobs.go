package agentsim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// jobSyntax is the syntax of a job.
const jobSyntax = `job ID: CLAUSE[, CLAUSE]…, a clause is one of
patches ID… | query[ severity S][ product P][ vendor V][ cve C] | assets ID… | without ID… | tags T… | all tags | not tagged T… | on PLATFORM |
on demand | once at TIME | once at LOCAL-TIME in ZONE | daily, weekly, monthly, patch tuesday …: each at HH:MM in ZONE | start spread D | window D |
defer N times for D | prompt D | countdown D | suppress reboot | strict | strict lines | legacy checksums | no last call | early download |
first ACTION… | last ACTION… | after JOB per asset | after JOB at N%`

func (p *player) job(rest string) error { return p.save(rest, true) }

func (p *player) edit(rest string) error { return p.save(rest, false) }

// save makes or changes a job. A clause that is not given again stays as it was.
func (p *player) save(rest string, create bool) error {
	if err := p.answered(); err != nil {
		return err
	}
	name, spec, ok := strings.Cut(rest, ":")
	if !ok {
		return errors.New("write: " + jobSyntax)
	}
	d := job.Definition{ID: job.ID(name), Name: name, Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand}}
	if !create {
		status, err := p.w.server.c.Job(context.Background(), job.ID(name))
		if err != nil {
			return err
		}
		d = status.Definition
	}
	for _, clause := range clauses(spec) {
		if err := p.clause(&d, clause); err != nil {
			return err
		}
	}
	p.refused = p.w.server.act("save "+name, func(ctx context.Context, now time.Time) error {
		_, err := p.w.server.c.SaveJob(ctx, d, now)
		return err
	})
	return nil
}

// clause reads one clause of a job.
func (p *player) clause(d *job.Definition, clause string) (err error) {
	word, value, _ := strings.Cut(clause, " ")
	switch {
	case word == "patches":
		d.Patches = job.Patches{List: words[catalog.PatchID](value)}
	case word == "query":
		d.Patches = job.Patches{Query: &job.Query{}}
		err = query(d.Patches.Query, strings.Fields(value))
	case word == "assets":
		d.Assets.Include = words[job.AssetID](value)
	case word == "without":
		d.Assets.Exclude = words[job.AssetID](value)
	case word == "tags":
		d.Assets.IncludeTags = words[string](value)
	case clause == "all tags":
		d.Assets.Match = job.All
	case strings.HasPrefix(clause, "not tagged "):
		d.Assets.ExcludeTags = words[string](strings.TrimPrefix(clause, "not tagged "))
	case clause == "on demand":
		d.Schedule = schedule.Schedule{Kind: schedule.OnDemand, Spread: d.Schedule.Spread}
	case word == "on":
		d.Platform, err = catalog.ParsePlatform(value)
	case strings.HasPrefix(clause, "once at "):
		err = p.once(d, strings.TrimPrefix(clause, "once at "))
	case isSchedule(clause):
		d.Schedule, err = parseSchedule(clause, d.Schedule)
	case strings.HasPrefix(clause, "start spread "):
		d.Schedule.Spread, err = ParseDuration(strings.TrimPrefix(clause, "start spread "))
	case clause == "legacy checksums":
		d.AllowLegacy = true
	case word == "window":
		d.Window, err = ParseDuration(value)
	case clause == "suppress reboot":
		d.Reboot.Suppress = true
	case word == "defer": // defer 3 times for 2h
		f := strings.Fields(value)
		if len(f) != 4 || f[1] != "times" || f[2] != "for" {
			return errors.New("write: defer 3 times for 2h")
		}
		if d.Reboot.Deferrals, err = number(f[0]); err == nil {
			d.Reboot.Interval, err = ParseDuration(f[3])
		}
	case word == "prompt":
		d.Reboot.Prompt, err = ParseDuration(value)
	case word == "countdown":
		d.Reboot.Countdown, err = ParseDuration(value)
	case clause == "strict":
		d.Strict = true
	case clause == "strict lines":
		d.StrictLines = true
	case clause == "no last call":
		d.NoLastCall = true
	case clause == "early download":
		d.Early = true
	case word == "first":
		d.Pre = actions(value)
	case word == "last":
		d.Post = actions(value)
	case word == "after": // after JOB per asset, after JOB at 80%
		other, how, _ := strings.Cut(value, " ")
		d.After = &job.After{Job: job.ID(other), PerAsset: how == "per asset"}
		if share, ok := strings.CutPrefix(how, "at "); ok {
			d.After.Share, err = number(strings.TrimSuffix(share, "%"))
		} else if !d.After.PerAsset {
			err = errors.New("write: after JOB per asset, or after JOB at 80%")
		}
	default:
		err = fmt.Errorf("%q is no clause of a job; write: %s", clause, jobSyntax)
	}
	return err
}

// once reads an instant, or a local time with its zone.
func (p *player) once(d *job.Definition, text string) (err error) {
	s := schedule.Schedule{Kind: schedule.Once, Spread: d.Schedule.Spread}
	if local, zone, ok := strings.Cut(text, " in "); ok {
		if s.Local, err = schedule.ParseLocalTime(local); zone == "each zone" {
			zone = schedule.AssetZone
		}
		s.Zone = zone
	} else {
		s.At, err = p.instant(text)
	}
	d.Schedule = s
	return err
}

func actions(names string) []job.Action {
	var list []job.Action
	for _, name := range strings.Fields(names) {
		list = append(list, job.Action{Name: name, Command: []string{name}})
	}
	return list
}

// query reads pairs such as severity high product chrome.
func query(q *job.Query, f []string) (err error) {
	for ; len(f) > 1 && err == nil; f = f[2:] {
		switch f[0] {
		case "severity":
			q.MinSeverity, err = catalog.ParseSeverity(f[1])
		case "product":
			q.Products = append(q.Products, f[1])
		case "vendor":
			q.Vendors = append(q.Vendors, f[1])
		case "cve":
			q.CVEs = append(q.CVEs, f[1])
		default:
			return fmt.Errorf("a query has severity, product, vendor or cve, not %q", f[0])
		}
	}
	if err == nil && len(f) == 1 {
		err = fmt.Errorf("%q says nothing without a value", f[0])
	}
	return err
}
