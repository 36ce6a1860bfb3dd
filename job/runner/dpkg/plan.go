package dpkg

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
)

// Plan is what apt would do.
type Plan struct {
	Upgrades map[Package]string // the new version of each; includes downgrades
	Added    []string           // packages that are not installed
	Removed  []string
	Failed   string // why apt finds no solution; empty: it finds one
}

// Upgrade asks apt what it would do to upgrade the system without adding or
// removing a package. It asks once and keeps the answer.
func (a *Apt) Upgrade(ctx context.Context) (Plan, error) {
	if a.upgrade == nil {
		p, err := a.plan(ctx, "upgrade")
		if err != nil {
			return Plan{}, err
		}
		a.upgrade = &p
	}
	return *a.upgrade, nil
}

// UpgradesAll reports whether [Apt.Upgrade] upgrades these packages, to these
// versions, and does nothing else. It usually costs about half as much time as
// Upgrade. If it is not sure, it reports false.
func (a *Apt) UpgradesAll(ctx context.Context, set map[Package]string) (bool, error) {
	if a.upgrade != nil || len(set) < 2 {
		p, err := a.Upgrade(ctx)
		return p.Failed == "" && len(p.Added)+len(p.Removed) == 0 && maps.Equal(p.Upgrades, set), err
	}
	// With its cache but without a source, apt makes its plan, and then reports
	// each package as one that it cannot download. That saves it the look-up of
	// each file. An apt that stops at its first error reports one package only.
	out, _, err := a.run(ctx, "apt-get", "-q", "upgrade", "-o", "pkgCacheFile::Generate=false",
		"-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null")
	if err != nil {
		return false, err
	}
	upgrades, sure := a.readSourceless(out)
	return sure && maps.Equal(upgrades, set), nil
}

// readSourceless reads the packages that apt has no source of. It is not sure
// if apt reports another error:
//
//	E: Can't find a source to download version '2.36-9+deb12u1' of 'libc6:amd64'
func (a *Apt) readSourceless(out string) (upgrades map[Package]string, sure bool) {
	upgrades = map[Package]string{}
	for line := range strings.Lines(out) {
		text, is := strings.CutPrefix(line, "E: ")
		if !is {
			continue
		}
		text, is = strings.CutPrefix(text, "Can't find a source to download version '")
		version, name, of := strings.Cut(strings.TrimRight(text, "'\n"), "' of '")
		if !is || !of {
			return nil, false
		}
		upgrades[a.parse(name)] = version
	}
	return upgrades, true
}

// Install asks apt what it would do to bring installed packages to these
// versions.
func (a *Apt) Install(ctx context.Context, set map[Package]string) (Plan, error) {
	args := []string{"install", "--only-upgrade"}
	for p, version := range set {
		args = append(args, p.String()+"="+version)
	}
	slices.Sort(args[2:])
	return a.plan(ctx, args...)
}

// plan runs apt-get so that it prints what it would download. Simulating (-s)
// takes apt several times as long.
func (a *Apt) plan(ctx context.Context, args ...string) (Plan, error) {
	out, failed, err := a.run(ctx, "apt-get", append([]string{"-q", "-V", "--print-uris"}, args...)...)
	if err != nil {
		return Plan{}, err
	}
	p := a.readPlan(out)
	p.Failed = cmp.Or(p.Failed, failed)
	return p, nil
}

// readPlan reads what apt-get would do:
//
//	The following packages will be upgraded:
//	   libc6 (2.36-9 => 2.36-9+deb12u1)
//	   foreign:i386 (1 => 2)
//	The following NEW packages will be installed:
//	   newcomer (1.0)
//	The following packages will be REMOVED:
//	   gone (1.0)
//	The following packages have unmet dependencies:
//	 unmet : Depends: nowhere but it is not installable
//	E: Unable to correct problems, you have held broken packages.
func (a *Apt) readPlan(out string) Plan {
	p := Plan{Upgrades: map[Package]string{}}
	var unmet []string
	section := ""
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(line)
		if !strings.HasPrefix(line, " ") {
			section = text
			if words, is := strings.CutPrefix(text, "E: "); is {
				p.Failed = words
			}
			continue
		}
		words := strings.Fields(text)
		switch {
		case len(words) == 0:
		case strings.Contains(section, "unmet dependencies"):
			unmet = append(unmet, strings.Join(words, " "))
		case strings.Contains(section, "NEW packages"):
			p.Added = append(p.Added, words[0])
		case strings.Contains(section, "REMOVED"):
			p.Removed = append(p.Removed, strings.TrimSuffix(words[0], "*"))
		case strings.Contains(section, "will be upgraded"), strings.Contains(section, "will be DOWNGRADED"), strings.Contains(section, "will be changed"):
			if len(words) == 4 && words[2] == "=>" {
				p.Upgrades[a.parse(words[0])] = strings.TrimSuffix(words[3], ")")
			}
		}
	}
	if p.Failed != "" && len(unmet) > 0 {
		p.Failed = strings.Join(unmet, "; ")
	}
	return p
}
