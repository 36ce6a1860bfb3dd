package scan

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// wish is the version wanted of each package.
type wish map[dpkg.Package]string

// names are the packages of the wish, sorted.
func (w wish) names() []dpkg.Package { return slices.SortedFunc(maps.Keys(w), dpkg.Package.Compare) }

// against says why apt's plan for a package cannot be carried out if only the
// allowed upgrades may happen. A zero reason means that it can.
func against(p dpkg.Plan, want dpkg.Package, allowed wish) catalog.Reason {
	version := allowed[want]
	switch {
	case p.Failed != "":
		return catalog.NewReason(catalog.DependencyUnmet, "", version, "apt finds no way to upgrade %s to %s: %s.", want.Name, version, strings.TrimSuffix(p.Failed, "."))
	case len(p.Added) > 0:
		return catalog.NewReason(catalog.NeedsNewPackage, "", strings.Join(p.Added, ", "), "%s %s needs packages that are not installed: %s.", want.Name, version, strings.Join(p.Added, ", "))
	case len(p.Removed) > 0:
		return catalog.NewReason(catalog.NeedsNewPackage, strings.Join(p.Removed, ", "), "", "%s %s would remove installed packages: %s.", want.Name, version, strings.Join(p.Removed, ", "))
	}
	for _, other := range wish(p.Upgrades).names() {
		if is := p.Upgrades[other]; allowed[other] != is {
			return catalog.NewReason(catalog.DependencyUnmet, "", other.Name+" "+is, "%s %s needs %s at %s, which is not deployable.", want.Name, version, other.Name, is)
		}
	}
	if p.Upgrades[want] != version {
		return catalog.NewReason(catalog.DependencyUnmet, p.Upgrades[want], version, "apt would not upgrade %s to %s.", want.Name, version)
	}
	return catalog.Reason{}
}

// fits reports whether the plan upgrades the whole set and does nothing that is
// not allowed.
func fits(p dpkg.Plan, set, allowed wish) bool {
	return p.Failed == "" && len(p.Added)+len(p.Removed) == 0 && wish(p.Upgrades).within(allowed) && set.within(p.Upgrades)
}

// within reports whether v has everything in w, at the same versions.
func (w wish) within(v wish) bool {
	for p, version := range w {
		if v[p] != version {
			return false
		}
	}
	return true
}

// resolve returns the packages of the set that cannot be upgraded to their
// version together with the rest, each with the reason. All others can be
// upgraded together.
func resolve(ctx context.Context, a *dpkg.Apt, set wish) (map[dpkg.Package]catalog.Reason, error) {
	refused := map[dpkg.Package]catalog.Reason{}
	if len(set) == 0 {
		return refused, nil
	}
	if all, err := a.UpgradesAll(ctx, set); err != nil || all {
		return refused, err
	}
	upgrade, err := a.Upgrade(ctx)
	if err != nil {
		return nil, err
	}
	good := maps.Clone(set)
	drop := func(p dpkg.Package, r catalog.Reason) {
		refused[p] = r
		delete(good, p)
	}
	// Ask one by one what apt itself keeps back, to get the reason.
	for _, p := range set.names() {
		if upgrade.Failed == "" && upgrade.Upgrades[p] == set[p] {
			continue
		}
		alone, err := a.Install(ctx, wish{p: set[p]})
		if err != nil {
			return nil, err
		}
		if r := against(alone, p, good); r.Text != "" {
			drop(p, r)
		}
	}
	// A package that is dropped may be needed by others: repeat until the rest
	// can be installed together.
	for len(good) > 0 && !fits(upgrade, good, good) {
		bad, err := culprits(ctx, a, good.names(), good)
		if err != nil {
			return nil, err
		}
		if len(bad) == 0 {
			break
		}
		for p, r := range bad {
			drop(p, r)
		}
	}
	return refused, nil
}

// culprits finds, by halving, the packages that cannot be upgraded even if all
// of good may be. If each half can be upgraded alone, the last package is the
// culprit.
func culprits(ctx context.Context, a *dpkg.Apt, names []dpkg.Package, good wish) (map[dpkg.Package]catalog.Reason, error) {
	set := wish{}
	for _, p := range names {
		set[p] = good[p]
	}
	whole, err := a.Install(ctx, set)
	if err != nil || fits(whole, set, good) {
		return nil, err
	}
	if len(names) == 1 {
		return map[dpkg.Package]catalog.Reason{names[0]: against(whole, names[0], good)}, nil
	}
	bad := map[dpkg.Package]catalog.Reason{}
	for _, half := range [][]dpkg.Package{names[:len(names)/2], names[len(names)/2:]} {
		some, err := culprits(ctx, a, half, good)
		if err != nil {
			return nil, err
		}
		maps.Copy(bad, some)
	}
	if len(bad) == 0 {
		last := names[len(names)-1]
		bad[last] = catalog.NewReason(catalog.DependencyUnmet, "", good[last], "apt finds no way to upgrade %s to %s together with the other patches.", last.Name, good[last])
	}
	return bad, nil
}
