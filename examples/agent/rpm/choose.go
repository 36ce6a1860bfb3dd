package rpm

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/rpmfeed"
)

// Choice is which of the offered patches dnf chooses from.
type Choice struct {
	Inventory catalog.Inventory
	refused   map[catalog.PatchID]catalog.Reason
}

// Refuse is a [catalog.Options] Refuse: it says why dnf does not choose from a
// patch.
func (c Choice) Refuse(v catalog.Verdict, _ catalog.Product) (catalog.Reason, bool) {
	r, is := c.refused[v.Patch]
	return r, !is
}

// offer is a patch of a repository.
type offer struct {
	catalog.Patch
	repo       *Repo
	name, arch string
	own        string // the build's own architecture, perhaps noarch
}

// Choose compares what is installed with what the repositories offer.
func (s *System) Choose(patches []catalog.Patch) (Choice, error) {
	c := Choice{refused: map[catalog.PatchID]catalog.Reason{}}
	offers := s.offers(patches)
	best := map[string]int{} // priority by name
	for _, list := range offers {
		for _, o := range list {
			if why := s.excluded(o); why != "" {
				c.refused[o.ID] = catalog.NewReason(catalog.PinnedElsewhere, "", o.Version.String(), "dnf does not take %s of %s from repository %s: %s.", o.Version, o.name, o.repo.ID, why)
			} else if had, has := best[o.name]; !has || o.repo.Priority < had {
				best[o.name] = o.repo.Priority
			}
		}
	}
	var installed []catalog.Installed
	for _, p := range s.Installed {
		in := catalog.Installed{Product: s.product(0, p), Version: p.Version}
		for i := 1; i < len(s.Repos); i++ {
			in.Also = append(in.Also, s.product(i, p))
		}
		in.PinnedTo = c.pin(p, offers[p.Name+"."+p.Arch], best)
		installed = append(installed, in)
	}
	var err error
	c.Inventory, err = catalog.NewInventory(catalog.Linux, installed)
	return c, err
}

// product is a package in the channel of a repository.
func (s *System) product(repo int, p Package) catalog.ProductID {
	channel := "installed" // it comes from no repository
	if repo < len(s.Repos) {
		channel = s.Repos[repo].ID
	}
	return rpmfeed.ProductID(channel, p.Arch, p.Name)
}

// offers returns the patches by name and architecture.
func (s *System) offers(patches []catalog.Patch) map[string][]offer {
	all := map[string][]offer{}
	for _, p := range patches {
		channel, arch, name, ok := rpmfeed.SplitProductID(p.Product)
		at := slices.IndexFunc(s.Repos, func(r Repo) bool { return r.ID == channel })
		if !ok || at < 0 {
			continue
		}
		o := offer{p, &s.Repos[at], name, arch, arch}
		if strings.HasSuffix(p.Artifacts[0].Name, "."+rpmfeed.NoArch+".rpm") {
			o.own = rpmfeed.NoArch
		}
		all[name+"."+arch] = append(all[name+"."+arch], o)
	}
	return all
}

// pin refuses what dnf does not choose from for a package, and returns the
// version that it prefers. Empty: the newest.
func (c *Choice) pin(p Package, offers []offer, best map[string]int) string {
	preferred, refused := p.Version, false
	for _, o := range offers {
		_, is := c.refused[o.ID]
		var r catalog.Reason
		switch newer, _ := o.Version.Compare(p.Version); {
		case newer <= 0:
			continue
		case p.InstallOnly:
			r = catalog.NewReason(catalog.NeedsNewPackage, p.Version.String(), o.Version.String(), "%s %s would be installed beside %s, not in its place.", p.Name, o.Version, p.Version)
		case p.Module != "":
			r = catalog.NewReason(catalog.PinnedElsewhere, p.Module, o.Version.String(), "%s comes from the module %s, and packages of modules are not judged.", p.Name, p.Module)
		case is:
		case o.repo.Priority > best[p.Name]:
			r = catalog.NewReason(catalog.PinnedElsewhere, fmt.Sprint(best[p.Name]), fmt.Sprint(o.repo.Priority),
				"A repository with priority %d offers %s, and dnf takes no other version of it from %s, which has priority %d.", best[p.Name], p.Name, o.repo.ID, o.repo.Priority)
		default:
			if order, _ := o.Version.Compare(preferred); order > 0 {
				preferred = o.Version
			}
			continue
		}
		refused = true
		if r.Code != "" {
			c.refused[o.ID] = r
		}
	}
	if !refused || p.InstallOnly {
		return ""
	}
	for _, o := range offers {
		if order, _ := o.Version.Compare(preferred); order > 0 {
			return preferred.String()
		}
	}
	return ""
}

// excluded says why the settings exclude a build. Empty: they do not.
func (s *System) excluded(o offer) string {
	matches := func(patterns []string) string {
		if i := slices.IndexFunc(patterns, o.matches); i >= 0 {
			return patterns[i]
		}
		return ""
	}
	if p := cmp.Or(matches(s.main.excludes), matches(o.repo.excludes)); p != "" {
		return "excludepkgs has " + p
	}
	if len(s.main.includes)+len(o.repo.includes) > 0 && matches(s.main.includes)+matches(o.repo.includes) == "" {
		return "includepkgs does not have it"
	}
	locked := ""
	for _, lock := range s.locks {
		if except, is := strings.CutPrefix(lock, "!"); is {
			if o.matches(except) {
				return "versionlock excludes " + except
			}
		} else if o.matches(lock) {
			locked = "-"
		} else if locked == "" && o.named(lock) {
			locked = lock
		}
	}
	if locked != "" && locked != "-" {
		return "versionlock keeps " + locked
	}
	return ""
}

// matches reports whether a pattern of dnf is for a build: a glob of its name,
// perhaps with version, release and architecture, and with the epoch or
// without.
func (o offer) matches(pattern string) bool {
	epoch, rest, has := strings.Cut(o.Version.String(), ":")
	if !has {
		epoch, rest = "0", epoch
	}
	ver, _, _ := strings.Cut(rest, "-")
	forms := []string{o.name, o.name + "." + o.own}
	for _, e := range []string{"", epoch + ":"} {
		forms = append(forms, o.name+"-"+e+ver, o.name+"-"+e+rest, o.name+"-"+e+rest+"."+o.own)
	}
	return slices.ContainsFunc(forms, func(form string) bool { return glob(pattern, form) })
}

// named reports whether a pattern with a version is for this package.
func (o offer) named(pattern string) bool {
	for at := len(pattern); at > 0; at = strings.LastIndexAny(pattern[:at], "-.") {
		if glob(pattern[:at], o.name) {
			return true
		}
	}
	return false
}

func glob(pattern, text string) bool {
	is, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), text)
	return err == nil && is
}
