package scan

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// plan is what apt would do.
type plan struct {
	upgrades wish
	added    []string
	removed  []string
	deferred map[pkg]bool // put off because the vendor hands the update out in phases
	failed   string       // apt finds no way, and its words
}

// simulate asks apt what it would do to bring these packages to these versions.
func (a *apt) simulate(ctx context.Context, set wish) (plan, error) {
	args := []string{"-s", "-q", "install", "--only-upgrade"}
	for _, p := range slices.SortedFunc(maps.Keys(set), byName) {
		args = append(args, p.String()+"="+set[p])
	}
	return a.plan(ctx, args...)
}

// plan runs apt-get and reads what it would do.
func (a *apt) plan(ctx context.Context, args ...string) (plan, error) {
	out, failed, err := a.run(ctx, "apt-get", args...)
	if err != nil {
		return plan{}, err
	}
	p := a.readPlan(out)
	if failed && p.failed == "" {
		p.failed = lastLine(out)
	}
	return p, nil
}

// readPlan reads the lines of a simulation:
//
//	Inst libc6 [2.36-9] (2.36-9+deb12u1 Debian:12/stable [amd64])     an upgrade
//	Inst newcomer (1.0 Debian:12/stable [all])                        a package that was not installed
//	Remv gone [1.0]
//	The following upgrades have been deferred due to phasing:         and on the lines below, indented, which
//	E: Unable to correct problems, you have held broken packages.
func (a *apt) readPlan(out string) plan {
	p := plan{upgrades: wish{}, deferred: map[pkg]bool{}}
	var unmet []string
	section := ""
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(line)
		words := strings.Fields(text)
		switch {
		case strings.HasPrefix(line, "  ") && section == "deferred":
			for _, name := range words {
				p.deferred[a.parse(name)] = true
			}
			continue
		case strings.HasPrefix(line, " ") && section == "unmet":
			unmet = append(unmet, strings.Join(words, " "))
			continue
		}
		section = ""
		switch {
		case strings.HasPrefix(text, "The following upgrades have been deferred due to phasing"):
			section = "deferred"
		case strings.HasPrefix(text, "The following packages have unmet dependencies"):
			section = "unmet"
		case strings.HasPrefix(text, "E: "):
			p.failed = strings.TrimPrefix(text, "E: ")
		case len(words) >= 3 && words[0] == "Inst" && strings.HasPrefix(words[2], "["):
			if len(words) > 3 {
				p.upgrades[a.parse(words[1])] = strings.TrimPrefix(words[3], "(")
			}
		case len(words) >= 2 && words[0] == "Inst":
			p.added = append(p.added, words[1])
		case len(words) >= 2 && (words[0] == "Remv" || words[0] == "Purg"):
			p.removed = append(p.removed, words[1])
		}
	}
	if p.failed != "" && len(unmet) > 0 {
		p.failed = strings.Join(unmet, "; ")
	}
	return p
}

func byName(a, b pkg) int { return strings.Compare(a.String(), b.String()) }

// against says why the plan for a package cannot be carried out, where nothing but the allowed upgrades may happen. A
// zero reason means that it can.
func (p plan) against(want pkg, allowed wish) catalog.Reason {
	version := allowed[want]
	switch {
	case p.failed != "":
		return catalog.NewReason(catalog.DependencyUnmet, "", version, "apt finds no way to upgrade %s to %s: %s.", want.name, version, strings.TrimSuffix(p.failed, "."))
	case len(p.added) > 0:
		return catalog.NewReason(catalog.NeedsNewPackage, "", strings.Join(p.added, ", "), "%s %s needs packages that are not installed: %s.", want.name, version, strings.Join(p.added, ", "))
	case len(p.removed) > 0:
		return catalog.NewReason(catalog.NeedsNewPackage, strings.Join(p.removed, ", "), "", "%s %s would remove installed packages: %s.", want.name, version, strings.Join(p.removed, ", "))
	}
	for _, other := range slices.SortedFunc(maps.Keys(p.upgrades), byName) {
		if is := p.upgrades[other]; allowed[other] != is {
			return catalog.NewReason(catalog.DependencyUnmet, "", other.name+" "+is, "%s %s needs %s at %s, which is not deployable.", want.name, version, other.name, is)
		}
	}
	if p.upgrades[want] != version {
		return catalog.NewReason(catalog.DependencyUnmet, p.upgrades[want], version, "apt would not upgrade %s to %s.", want.name, version)
	}
	return catalog.Reason{}
}

// fits reports whether the plan upgrades the whole set and does nothing beyond what is allowed.
func (p plan) fits(set, allowed wish) bool {
	if p.failed != "" || len(p.added) > 0 || len(p.removed) > 0 {
		return false
	}
	for other, is := range p.upgrades {
		if allowed[other] != is {
			return false
		}
	}
	for want, version := range set {
		if p.upgrades[want] != version {
			return false
		}
	}
	return true
}

// resolve returns the packages of the set that cannot be upgraded to their version with the rest, each with the reason.
// The others can, all together.
//
// What the vendor hands out in phases, and apt puts off on this asset, is refused too: apt says so by deferring it (since
// 2.7), or by keeping it back though nothing else speaks against it.
func (a *apt) resolve(ctx context.Context, set wish, choices map[pkg]choice) (map[pkg]catalog.Reason, error) {
	refused := map[pkg]catalog.Reason{}
	if len(set) == 0 {
		return refused, nil
	}
	upgrade, err := a.plan(ctx, "-s", "-q", "upgrade")
	if err != nil {
		return nil, err
	}
	good := maps.Clone(set)
	drop := func(p pkg, r catalog.Reason) {
		refused[p] = r
		delete(good, p)
	}
	later := func(p pkg) {
		drop(p, catalog.NewReason(catalog.PinnedElsewhere, "", set[p], "The vendor hands %s %s out in phases, and apt puts it off on this asset.", p.name, set[p]))
	}
	// What apt itself keeps back is asked one by one, for the reason.
	for _, p := range slices.SortedFunc(maps.Keys(good), byName) {
		if upgrade.failed == "" && upgrade.upgrades[p] == set[p] {
			continue
		}
		if upgrade.deferred[p] {
			later(p)
			continue
		}
		alone, err := a.simulate(ctx, wish{p: set[p]})
		if err != nil {
			return nil, err
		}
		if r := alone.against(p, good); r.Code != "" {
			drop(p, r)
		} else if choices[p].phased {
			later(p)
		}
	}
	// Each removal can take away what others need, so this goes on until the rest holds together.
	for len(good) > 0 {
		whole, err := a.simulate(ctx, good)
		if err != nil {
			return nil, err
		}
		if whole.fits(good, good) {
			break
		}
		names := slices.SortedFunc(maps.Keys(good), byName)
		bad, err := a.culprits(ctx, names, good)
		if err != nil {
			return nil, err
		}
		if len(bad) == 0 { // each is fine without the others
			last := names[len(names)-1]
			bad[last] = catalog.NewReason(catalog.DependencyUnmet, "", good[last], "apt finds no way to upgrade %s to %s together with the other patches.", last.name, good[last])
		}
		for p, r := range bad {
			drop(p, r)
		}
	}
	return refused, nil
}

// culprits finds, by halving, the packages that cannot be upgraded even if all of good may be.
func (a *apt) culprits(ctx context.Context, names []pkg, good wish) (map[pkg]catalog.Reason, error) {
	set := wish{}
	for _, p := range names {
		set[p] = good[p]
	}
	whole, err := a.simulate(ctx, set)
	if err != nil {
		return nil, err
	}
	if whole.fits(set, good) {
		return map[pkg]catalog.Reason{}, nil
	}
	if len(names) == 1 {
		return map[pkg]catalog.Reason{names[0]: whole.against(names[0], good)}, nil
	}
	bad, err := a.culprits(ctx, names[:len(names)/2], good)
	if err != nil {
		return nil, err
	}
	more, err := a.culprits(ctx, names[len(names)/2:], good)
	if err != nil {
		return nil, err
	}
	maps.Copy(bad, more)
	return bad, nil
}
