package rpmfeed

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

type packageXML struct {
	Name    string `xml:"name"`
	Arch    string `xml:"arch"`
	Version struct {
		Epoch   string `xml:"epoch,attr"`
		Version string `xml:"ver,attr"`
		Release string `xml:"rel,attr"`
	} `xml:"version"`
	Checksum digestXML `xml:"checksum"`
	Summary  string    `xml:"summary"`
	Size     struct {
		Package string `xml:"package,attr"`
	} `xml:"size"`
	Location location `xml:"location"`
}

// packages collects what a primary list offers.
type packages struct {
	config   *Config
	base     string         // address of the repository
	modular  map[build]bool // packages of modules
	advice   advice
	products []catalog.Product
	patches  []catalog.Patch
	rejects  fetch.Rejects
	known    map[catalog.ProductID]bool
	digests  map[catalog.PatchID]integrity.Digest
	modules  int // packages that are left out because they are in modules
	example  string
}

func (p *packages) read(in io.Reader) error {
	p.known, p.digests = map[catalog.ProductID]bool{}, map[catalog.PatchID]integrity.Digest{}
	if err := eachRecord(in, "metadata", "package", p.add); err != nil {
		return err
	}
	if p.modules > 0 {
		p.rejects.Add("packages of modules", fmt.Sprintf("%d packages, like %s, are in modules: which stream an asset gets is not judged here", p.modules, p.example))
	}
	return nil
}

// add takes one package. A source package, and one of another architecture, is
// left out silently.
func (p *packages) add(x packageXML) {
	arch := x.Arch
	if arch == NoArch {
		arch = p.config.Architectures[0]
	}
	if p.config.Only != nil && !p.config.Only(x.Name) || validName(arch, archBytes) && !slices.Contains(p.config.Architectures, arch) {
		return
	}
	evr := EVR(x.Version.Epoch, x.Version.Version, x.Version.Release)
	b := build{x.Name, evr, x.Arch}
	if p.modular[b] {
		p.modules++
		p.example = x.Name + "-" + evr
		return
	}
	v, a, problems := x.check(evr)
	if !validName(arch, archBytes) {
		problems = append(problems, fmt.Sprintf("%.40q is not an architecture", arch))
	}
	if len(problems) > 0 {
		p.rejects.Add(fmt.Sprintf("package %.80q %.80q", x.Name, evr), problems...)
		return
	}
	switch {
	case x.Location.Base != "":
		a.URL = strings.TrimSuffix(x.Location.Base, "/") + "/" + x.Location.Href
	case p.base == "":
		a.Availability = catalog.Repository
	default:
		a.URL = p.base + x.Location.Href
	}
	product := ProductID(p.config.Channel, arch, x.Name)
	id := patchID(product, evr)
	if had, twice := p.digests[id]; twice {
		if had != a.Digests[0] {
			p.rejects.Add("patch "+string(id), "the same version is listed twice with different digests: the first one counts")
		}
		return
	}
	p.digests[id] = a.Digests[0]
	if !p.known[product] {
		p.known[product] = true
		p.products = append(p.products, catalog.Product{
			ID: product, Name: x.Name, Vendor: p.config.Vendor, Platform: catalog.Linux, Architecture: arch, Channel: p.config.Channel,
			Scheme: version.Rpm, Package: catalog.Package{Ecosystem: p.config.Channel, Name: x.Name},
		})
	}
	patch := catalog.Patch{ID: id, Product: product, Version: v, Artifacts: []catalog.Artifact{a}, Transaction: "rpm"}
	if title := strings.TrimSpace(x.Summary); repository.Showable(title) {
		patch.Title = title
	}
	p.advice.about(b, &patch)
	p.patches = append(p.patches, patch)
}

// check returns everything that is wrong with a package.
func (x packageXML) check(evr string) (v version.Version, a catalog.Artifact, problems []string) {
	addf := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !validName(x.Name, nameBytes) {
		addf("%.80q is not a package name", x.Name)
	}
	v, err := version.Parse(version.Rpm, evr)
	if err != nil {
		addf("%v", err)
	}
	size, err := strconv.ParseInt(x.Size.Package, 10, 64)
	if err != nil || size <= 0 || size > catalog.MaxSize {
		addf("its size %.40q is not the size of a file", x.Size.Package)
	}
	sum, err := digestOf(x.Checksum)
	if err != nil {
		addf("%v", err)
	}
	if problem := repository.FileProblem(x.Location.Href, ".rpm"); problem != "" {
		addf("its location %.200q %s", x.Location.Href, problem)
	}
	if base := x.Location.Base; base != "" && !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		addf("its location is below %.200q: want http or https", base)
	}
	return v, catalog.Artifact{Name: path.Base(x.Location.Href), Availability: catalog.Pinned, Size: size, Digests: []integrity.Digest{sum}}, problems
}
