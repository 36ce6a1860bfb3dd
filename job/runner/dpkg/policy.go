package dpkg

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// Choice is what apt knows about a package, and which version it would install.
type Choice struct {
	Installed string // the version that apt sees as installed; for an unfinished package, the unpacked one
	Candidate string // the version it would install; empty: none
	State     string // dpkg's state of a package of which no version ever worked, such as "half-installed"; empty: one works
	Rebuilt   bool   // a list has another build of the installed version, which apt may call an upgrade

	later    bool // the candidate is handed out in phases, and apt keeps it back here
	newest   string
	phased   bool
	channels map[string]bool // the channels that list the package
}

// Upgrade reports whether apt calls the package upgradable.
func (c Choice) Upgrade() bool { return older(c.Installed, c.Candidate) }

// prefers is the version that apt prefers to the newest it knows; empty: it
// prefers the newest.
func (c Choice) prefers() string {
	prefers := cmp.Or(c.Candidate, c.Installed)
	if c.later {
		prefers = c.Installed
	}
	if older(prefers, c.newest) {
		return prefers
	}
	return ""
}

// older reports whether a is a lower version than b. A text that is not a
// version is not older than anything.
func older(a, b string) bool {
	order, err := version.Compare(version.Debian, a, b)
	return err == nil && order < 0
}

// perCall is how many packages one call asks about. It keeps the command line
// below the limit of any system.
const perCall = 5000

func (a *Apt) choices(ctx context.Context) (map[Package]Choice, error) {
	all := map[Package]Choice{}
	for _, e := range a.db.entries {
		if e.present() {
			c := Choice{Installed: e.version}
			if e.works() == "" {
				c.State = e.state
			}
			all[Package{e.name, a.p.real(e.arch)}] = c
		}
	}
	phased := false
	for some := range slices.Chunk(slices.SortedFunc(maps.Keys(all), Package.Compare), perCall) {
		args := []string{"policy"}
		for _, p := range some {
			args = append(args, p.String())
		}
		out, failed, err := a.run(ctx, "apt-cache", args...)
		if err != nil {
			return nil, err
		}
		if failed != "" {
			return nil, fmt.Errorf("apt-cache policy: %s", failed)
		}
		for line := range strings.Lines(out) {
			if text, is := strings.CutPrefix(line, "W: "); is && !slices.Contains(a.warnings, strings.TrimSpace(text)) {
				a.warnings = append(a.warnings, strings.TrimSpace(text))
			}
		}
		phased = a.readPolicy(out, all) || phased
	}
	if !phased {
		return all, nil
	}
	upgrade, err := a.Upgrade(ctx)
	for p, c := range all {
		c.later = c.phased && upgrade.Upgrades[p] != c.Candidate
		all[p] = c
	}
	return all, err
}

// readPolicy reads what "apt-cache policy NAME…" prints, and
// reports whether a candidate is handed out in phases:
//
//	libc6:
//	  Installed: 1
//	  Candidate: 2
//	  Version table:
//	     2 500 (phased 10%)
//	        500 http://mirror.example/debian stable/main amd64 Packages
//	 *** 1 100
//	        100 /var/lib/dpkg/status
func (a *Apt) readPolicy(out string, all map[Package]Choice) (phased bool) {
	var p Package
	for line := range strings.Lines(out) {
		if line[0] != ' ' {
			p = a.parse(strings.TrimSuffix(strings.TrimRight(line, "\n"), ":"))
			continue
		}
		c, known := all[p]
		words := strings.Fields(line)
		if !known || len(words) < 2 {
			continue
		}
		switch {
		case words[0] == "Installed:":
			if words[1] != "(none)" {
				c.Installed = words[1]
			}
		case words[0] == "Candidate:":
			if words[1] != "(none)" {
				c.Candidate = words[1]
			}
		case strings.Contains(words[1], "/"): // a source of the version above; its indent depends on the priority
			if channel := a.channel(words[1:]); channel != "" {
				if c.channels == nil {
					c.channels = map[string]bool{}
				}
				c.channels[channel] = true
			}
		case strings.HasPrefix(line, "     "), strings.HasPrefix(line, " *** "):
			if words[0] == "***" {
				words = words[1:]
			} else if words[0] == c.Installed {
				c.Rebuilt = true
			}
			if c.newest == "" || older(c.newest, words[0]) {
				c.newest = words[0]
			}
			c.phased = c.phased || words[0] == c.Candidate && slices.Contains(words, "(phased")
			phased = phased || c.phased
		}
		all[p] = c
	}
	return phased
}

// channel names the channel of a list that apt describes by its repository, its
// suite and component (or the folder of a flat repository), and more. It is
// empty if the line is not a downloaded list.
func (a *Apt) channel(words []string) string {
	if len(words) < 3 || words[len(words)-1] != "Packages" {
		return ""
	}
	key := words[0] + " " + words[1]
	channel, known := a.channels[key]
	if !known {
		uri := strings.TrimRight(words[0], "/") + "/"
		bases := []string{uri + words[1]} // flat
		if !strings.HasSuffix(words[1], "/") {
			bases = nil
			for suite := words[1]; strings.Contains(suite, "/"); { // components have slashes too
				suite = suite[:strings.LastIndexByte(suite, '/')]
				bases = append(bases, uri+"dists/"+suite+"/")
			}
		}
		for _, base := range bases {
			for _, name := range []string{"InRelease", "Release"} {
				if r, ok := a.p.release(debian.ListName(base) + name); ok && channel == "" {
					channel = r.Channel()
				}
			}
		}
		a.channels[key] = channel
	}
	return channel
}

const listsFolder = "var/lib/apt/lists"

// maxRelease bounds what is read of a Release file, in bytes; the largest in
// use have 300 kB.
const maxRelease = 8 << 20

func (p *Platform) release(listName string) (debian.Release, bool) {
	text, err := inroot.ReadFile(p.cfg.Root, listsFolder+"/"+listName, maxRelease)
	if err != nil {
		return debian.Release{}, false
	}
	r, err := debian.ParseRelease(text, debian.RepositoryOf(listName))
	return r, err == nil
}

// ownChannel is the channel of the distribution's packages: of the release in
// os-release or, if that names none, as in sid, of a suite of the distribution
// that apt has lists of. Empty: neither exists.
func (p *Platform) ownChannel() string {
	system := debian.OSRelease(p.cfg.Root)
	if codename := system["VERSION_CODENAME"]; codename != "" {
		return debian.Release{Origin: cmp.Or(system["ID"], "debian"), Codename: codename}.Channel()
	}
	names, err := inroot.ReadDir(p.cfg.Root, listsFolder)
	if err != nil {
		return ""
	}
	for _, n := range names {
		if !strings.HasSuffix(n.Name(), "Release") {
			continue
		}
		if r, ok := p.release(n.Name()); ok && !r.NotAutomatic && strings.EqualFold(r.Origin, cmp.Or(system["ID"], "debian")) {
			return r.Channel()
		}
	}
	return ""
}
