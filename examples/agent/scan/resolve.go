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

func (w wish) names() []dpkg.Package { return slices.SortedFunc(maps.Keys(w), dpkg.Package.Compare) }

// against says why apt's plan for some packages cannot be carried out if only
// the allowed upgrades may happen. It names the first package that was wanted.
// A zero reason means that the plan upgrades all of them.
func against(p dpkg.Plan, wanted []dpkg.Package, allowed wish) catalog.Reason {
	want, version := wanted[0], allowed[wanted[0]]
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
	for _, want := range wanted {
		if is, version := p.Upgrades[want], allowed[want]; is != version {
			return catalog.NewReason(catalog.DependencyUnmet, is, version, "apt would not upgrade %s to %s.", want.Name, version)
		}
	}
	return catalog.Reason{}
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
		if r := against(alone, []dpkg.Package{p}, good); r.Text != "" {
			drop(p, r)
		}
	}
	// A package that is dropped may be needed by others: repeat until the rest
	// can be installed together.
	for len(good) > 0 && against(upgrade, good.names(), good).Text != "" {
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
	if err != nil {
		return nil, err
	}
	r := against(whole, names, good)
	if r.Text == "" {
		return nil, nil
	}
	if len(names) == 1 {
		return map[dpkg.Package]catalog.Reason{names[0]: r}, nil
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
