package rpmfeed

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

type updateXML struct {
	Type     string `xml:"type,attr"`
	Status   string `xml:"status,attr"`
	ID       string `xml:"id"`
	Severity string `xml:"severity"`
	Issued   struct {
		Date string `xml:"date,attr"`
	} `xml:"issued"`
	Updated struct {
		Date string `xml:"date,attr"`
	} `xml:"updated"`
	Reboot     string `xml:"reboot_suggested"`
	References []struct {
		ID   string `xml:"id,attr"`
		Type string `xml:"type,attr"`
	} `xml:"references>reference"`
	Collections []struct {
		Module   *struct{} `xml:"module"`
		Packages []struct {
			Name    string `xml:"name,attr"`
			Epoch   string `xml:"epoch,attr"`
			Version string `xml:"version,attr"`
			Release string `xml:"release,attr"`
			Arch    string `xml:"arch,attr"`
			Reboot  string `xml:"reboot_suggested"`
		} `xml:"package"`
	} `xml:"pkglist>collection"`
}

// advice is what updateinfo says.
type advice struct {
	advisories []catalog.Advisory
	rejects    fetch.Rejects
	builds     map[build][]mention
}

// mention is what an advisory says of one build.
type mention struct {
	advisory int // index
	class    catalog.Class
	reboot   bool
}

var (
	severities = map[string]catalog.Severity{
		"critical": catalog.Critical, "important": catalog.High, "moderate": catalog.Medium, "low": catalog.Low, "none": catalog.Unrated,
	}
	classes = map[string]catalog.Class{
		"security": catalog.Security, "bugfix": catalog.Bugfix, "enhancement": catalog.Feature, "newpackage": catalog.Feature,
	}
)

func (a *advice) read(in io.Reader, c *Config) error {
	a.builds = map[build][]mention{}
	return eachRecord(in, "updates", "update", func(u updateXML) { a.add(u, c) })
}

// add takes one advisory. Its packages of modules are left out, like the
// packages themselves, and so are those that are not wanted.
func (a *advice) add(u updateXML, c *Config) {
	adv, problems := u.check()
	reboot := suggested(u.Reboot)
	mentions := map[build]bool{} // those that suggest a reboot
	for _, collection := range u.Collections {
		for _, p := range collection.Packages {
			if collection.Module != nil || c.Only != nil && !c.Only(p.Name) {
				continue
			}
			evr := EVR(p.Epoch, p.Version, p.Release)
			v, err := version.Parse(version.Rpm, evr)
			if err != nil || !validName(p.Name, nameBytes) {
				problems = append(problems, fmt.Sprintf("it lists %.80q %.80q, which is not a package", p.Name, evr))
				continue
			}
			b := build{p.Name, evr, p.Arch}
			mentions[b] = mentions[b] || reboot || suggested(p.Reboot)
			fix := catalog.Fix{Package: catalog.Package{Ecosystem: c.Channel, Name: p.Name}, Fixed: v}
			if !slices.Contains(adv.Fixes, fix) {
				adv.Fixes = append(adv.Fixes, fix)
			}
		}
	}
	if len(problems) > 0 {
		a.rejects.Add(fmt.Sprintf("advisory %.80q", u.ID), problems...)
		return
	}
	if len(adv.Fixes) == 0 {
		return
	}
	for b, reboot := range mentions {
		a.builds[b] = append(a.builds[b], mention{len(a.advisories), classes[u.Type], reboot})
	}
	a.advisories = append(a.advisories, adv)
}

// check returns the advisory without its packages, and what is wrong with it.
func (u updateXML) check() (adv catalog.Advisory, problems []string) {
	adv = catalog.Advisory{ID: u.ID, Severity: severities[strings.ToLower(u.Severity)], Withdrawn: u.Status == "retracted"}
	if u.ID == "" || len(u.ID) > catalog.MaxID || !repository.Showable(u.ID) {
		problems = append(problems, "its id is not one")
	}
	for _, r := range u.References {
		if r.Type != "cve" || slices.Contains(adv.CVEs, r.ID) {
			continue
		}
		if r.ID == "" || len(r.ID) > catalog.MaxCVE || !repository.Showable(r.ID) {
			problems = append(problems, fmt.Sprintf("%.80q is not a CVE id", r.ID))
			continue
		}
		adv.CVEs = append(adv.CVEs, r.ID)
	}
	if len(adv.CVEs) > catalog.MaxCVEs {
		problems = append(problems, fmt.Sprintf("it has %d CVE ids, at most %d are allowed", len(adv.CVEs), catalog.MaxCVEs))
	}
	slices.Sort(adv.CVEs)
	var err error
	if adv.Published, err = date(u.Issued.Date); err != nil {
		problems = append(problems, err.Error())
	}
	if adv.Modified, err = date(u.Updated.Date); err != nil {
		problems = append(problems, err.Error())
	}
	return adv, problems
}

// date reads a date of an advisory, in UTC: a day, a time, or a Unix time.
// Empty: unknown, the zero time.
func date(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if at := instant(text); text == "" || !at.IsZero() {
		return at, nil
	}
	for _, form := range []string{time.DateTime, time.DateTime + " UTC", time.DateOnly, "2006-01-02 15:04", time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a date, like \"2026-05-01 12:00:00\"", text)
}

func suggested(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return text == "true" || text == "1"
}

// about adds to a patch what the advisories that list this very build say.
func (a advice) about(b build, p *catalog.Patch) {
	for _, m := range a.builds[b] {
		adv := a.advisories[m.advisory]
		p.CVEs = append(p.CVEs, adv.CVEs...)
		p.Severity = max(p.Severity, adv.Severity)
		p.Reboot = p.Reboot || m.reboot
		p.Withdrawn = p.Withdrawn || adv.Withdrawn
		if p.Published.IsZero() || !adv.Published.IsZero() && adv.Published.Before(p.Published) {
			p.Published = adv.Published
		}
		if p.Class == 0 || m.class != 0 && m.class < p.Class {
			p.Class = m.class
		}
	}
	slices.Sort(p.CVEs)
	p.CVEs = slices.Compact(p.CVEs)
}
