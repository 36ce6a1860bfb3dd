package aptfeed

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// record is one package version for one architecture: what is kept of an index.
// Its texts share no memory with it.
type record struct {
	id      catalog.PatchID
	product catalog.ProductID
	name    string
	arch    string
	version version.Version
	source  string          // package that it is built from; empty: unknown
	built   version.Version // of the source, if it differs from version
	file    string          // path below the repository's URI
	size    int64
	digest  integrity.Digest
	title   string
}

type parser struct {
	channel string
	archs   []string
	mixed   bool              // the list has packages of other architectures, as in a flat repository
	only    func(string) bool // whether a package of this name is wanted; nil: all
}

// packages reads a package list. A package of architecture "all" gives a record
// for each of archs. A package of another architecture is left out if the list
// is mixed, and is a bad record otherwise. An error means that the rest of the
// list cannot be read.
func (l parser) packages(in io.Reader) ([]record, fetch.Rejects, error) {
	var records []record
	var bad fetch.Rejects
	reader := deb822.NewReader(in)
	if l.only != nil {
		reader.Only("Package", func(name string) bool { return l.only(strings.ToLower(name)) })
	}
	for p, err := range reader.All() {
		if broken, is := errors.AsType[*deb822.Error](err); is {
			bad.Add(fmt.Sprintf("the paragraph at line %d", broken.Line), broken.Problem)
			continue
		}
		if err != nil {
			return nil, bad, err
		}
		rec, arch, problems := parsePackage(p)
		named := slices.Contains(l.archs, arch)
		if l.mixed && !named && arch != "all" && debian.ValidArchitecture(arch) {
			continue
		}
		if !named && arch != "all" && len(problems) == 0 {
			problems = append(problems, fmt.Sprintf("its Architecture is %s in a list for %s", arch, strings.Join(l.archs, ", ")))
		}
		if len(problems) > 0 {
			bad.Add(fmt.Sprintf("package %.80q %.80q at line %d", p.Get("Package"), p.Get("Version"), p.Line), problems...)
			continue
		}
		in := []string{arch}
		if arch == "all" {
			in = l.archs
		}
		for _, arch := range in {
			records = append(records, rec.in(l.channel, arch))
		}
		if len(records) > catalog.MaxPatches {
			return nil, bad, fmt.Errorf("it has more than %d packages", catalog.MaxPatches)
		}
	}
	return records, bad, nil
}

// in completes a record for one architecture. Its texts become parts of the id.
func (r record) in(channel, arch string) record {
	product := string(debian.ProductID(channel, arch, r.name))
	r.id = debian.PatchID(catalog.ProductID(product), r.version.String())
	r.product = catalog.ProductID(r.id[:len(product)])
	name := string(r.product[len(product)-len(r.name):])
	if r.source == r.name {
		r.source = name
	}
	r.name = name
	r.arch = arch
	return r
}

// parsePackage reads one paragraph and returns everything that is wrong with
// it.
func parsePackage(p deb822.Paragraph) (r record, arch string, problems []string) {
	addf := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var description, source string
	fields := [...]struct {
		name  string
		value *string
	}{{"Package", &r.name}, {"Version", new(string)}, {"Architecture", &arch}, {"Filename", &r.file}, {"Size", new(string)}, {"SHA256", new(string)}, {"SHA512", new(string)}, {"Description", &description}, {"Source", &source}}
	for _, f := range p.Fields {
		for _, want := range fields {
			// The cheap test comes first: this runs for every field of every
			// package.
			if len(f.Name) == len(want.name) && strings.EqualFold(f.Name, want.name) {
				*want.value = f.Value
			}
		}
	}
	ver, size, sum := *fields[1].value, *fields[4].value, *fields[5].value
	r.digest.Algorithm = integrity.SHA256
	if sum == "" && *fields[6].value != "" {
		r.digest.Algorithm, sum = integrity.SHA512, *fields[6].value
	}
	description, _, _ = strings.Cut(description, "\n")
	r.name = strings.ToLower(r.name) // as dpkg and apt do
	if !validPackage(r.name) {
		addf("%.80q is not a package name", r.name)
	}
	if !debian.ValidArchitecture(arch) {
		addf("%.40q is not an architecture", arch)
	}
	var err error
	if r.version, err = version.Parse(version.Debian, strings.Clone(ver)); err != nil {
		addf("%v", err)
	}
	r.source, r.built = sourceOf(source, r.name, r.version)
	if r.size, err = strconv.ParseInt(size, 10, 64); err != nil || r.size <= 0 || r.size > catalog.MaxSize {
		addf("its Size %.40q is not the size of a file", size)
	}
	if !repository.IsHex(sum, r.digest.Algorithm) {
		addf("it has no SHA256 or SHA512 digest: %.80q is not one", sum)
	}
	if problem := repository.FileProblem(r.file, ".deb", ".ddeb", ".udeb"); problem != "" {
		addf("its Filename %.200q %s", r.file, problem)
	}
	r.digest.Sum = strings.Clone(strings.ToLower(sum))
	r.file = strings.Clone(strings.TrimPrefix(r.file, "./"))
	if repository.Showable(description) {
		r.title = strings.Clone(description)
	}
	return r, arch, problems
}

// sourceOf reads a field Source, which is missing or has the form "name" or
// "name (version)", of a binary package. Built is zero if it is the binary's
// version. The kernel's signed packages, of linux-signed-amd64 and so on, count
// as built from linux in their own version, as in Debian's security tracker.
func sourceOf(field, binary string, v version.Version) (source string, built version.Version) {
	if field == "" {
		return binary, version.Version{}
	}
	source, in, versioned := strings.Cut(field, " ")
	if strings.HasPrefix(source, "linux-signed-") {
		return "linux", version.Version{}
	}
	var err error
	in = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(in), "("), ")")
	if versioned && in != v.String() {
		built, err = version.Parse(version.Debian, strings.Clone(in))
	}
	if err != nil || !validPackage(source) {
		return "", version.Version{}
	}
	return strings.Clone(source), built
}

// validPackage accepts a package name as dpkg does: ASCII letters, digits, "+",
// "-", "." and "_", beginning with a letter or digit.
func validPackage(s string) bool {
	return s != "" && len(s) <= 128 && !strings.Contains("+-._", s[:1]) &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._") == ""
}

// patch returns the catalog's record of the patch. A repository serves every
// file that it lists, each at its own address (CAT-6).
func (r record) patch(s source) catalog.Patch {
	a := catalog.Artifact{Name: path.Base(r.file), Availability: catalog.Repository, Size: r.size, Digests: []integrity.Digest{r.digest}}
	if s.listsOnly == "" {
		a.Availability, a.URL = catalog.Pinned, joinURL(s.uri, r.file)
	}
	return catalog.Patch{
		ID: r.id, Product: r.product, Version: r.version, Source: r.built, Title: r.title, Artifacts: []catalog.Artifact{a}, Transaction: "dpkg",
	}
}

func (r record) listed(channel, vendor, ecosystem string) catalog.Product {
	pkg := catalog.Package{Ecosystem: ecosystem, Name: r.source}
	if pkg.Ecosystem == "" || pkg.Name == "" {
		pkg = catalog.Package{}
	}
	return catalog.Product{
		ID:           r.product,
		Name:         r.name,
		Vendor:       vendor,
		Platform:     catalog.Linux,
		Architecture: r.arch,
		Channel:      channel,
		Scheme:       version.Debian,
		Package:      pkg,
	}
}
