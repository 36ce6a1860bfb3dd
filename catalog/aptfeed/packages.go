package aptfeed

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// record is one package version for one architecture: what is kept of an index. Its texts do not share memory with it.
type record struct {
	id      catalog.PatchID
	product catalog.ProductID
	name    string
	arch    string
	version version.Version
	file    string // path below the repository's URI
	size    int64
	sha256  string
	title   string
}

// rejected are the records an index had to leave out (CAT-16).
type rejected struct {
	list []catalog.Rejected
	more int // beyond MaxRejections
}

func (r *rejected) add(record string, reasons ...string) {
	if len(r.list) == MaxRejections {
		r.more++
		return
	}
	r.list = append(r.list, catalog.Rejected{Record: record, Reasons: reasons})
}

// parsePackages reads a package list. A package of architecture "all" stands for each of archs. One of an architecture not
// among them is left out when the list is mixed, as that of a flat repository is, and is a bad record otherwise. An error
// means that the list cannot be read further.
func parsePackages(in io.Reader, channel string, archs []string, mixed bool) ([]record, rejected, error) {
	var records []record
	var bad rejected
	for p, err := range deb822.NewReader(in).All() {
		if broken, is := errors.AsType[*deb822.Error](err); is {
			bad.add(fmt.Sprintf("the paragraph at line %d", broken.Line), broken.Problem)
			continue
		}
		if err != nil {
			return nil, bad, err
		}
		rec, arch, problems := parsePackage(p)
		named := slices.Contains(archs, arch)
		if mixed && !named && arch != "all" && debian.ValidArchitecture(arch) {
			continue
		}
		if !named && arch != "all" && len(problems) == 0 {
			problems = append(problems, fmt.Sprintf("its Architecture is %s in a list for %s", arch, strings.Join(archs, ", ")))
		}
		if len(problems) > 0 {
			bad.add(fmt.Sprintf("package %.80q %.80q at line %d", p.Get("Package"), p.Get("Version"), p.Line), problems...)
			continue
		}
		in := []string{arch}
		if arch == "all" {
			in = archs
		}
		for _, arch := range in {
			records = append(records, rec.in(channel, arch))
		}
	}
	return records, bad, nil
}

// in completes a record for one architecture. Its texts become parts of the id.
func (r record) in(channel, arch string) record {
	product := string(debian.ProductID(channel, arch, r.name))
	r.id = debian.PatchID(catalog.ProductID(product), r.version.String())
	r.product = catalog.ProductID(r.id[:len(product)])
	r.name = string(r.product[len(product)-len(r.name):])
	r.arch = arch
	return r
}

// parsePackage checks one paragraph and tells everything that is wrong with it.
func parsePackage(p deb822.Paragraph) (r record, arch string, problems []string) {
	addf := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var ver, sum, size, description string
	for _, f := range p.Fields {
		switch f.Name {
		case "Package":
			r.name = f.Value
		case "Version":
			ver = f.Value
		case "Architecture":
			arch = f.Value
		case "Filename":
			r.file = f.Value
		case "Size":
			size = f.Value
		case "SHA256":
			sum = f.Value
		case "Description":
			description, _, _ = strings.Cut(f.Value, "\n")
		}
	}
	if !validPackage(r.name) {
		addf("%.80q is no package name", r.name)
	}
	if !debian.ValidArchitecture(arch) {
		addf("%.40q is no architecture", arch)
	}
	var err error
	if r.version, err = version.Parse(version.Debian, strings.Clone(ver)); err != nil {
		addf("%v", err)
	}
	if r.size, err = strconv.ParseInt(size, 10, 64); err != nil || r.size <= 0 || r.size > catalog.MaxSize {
		addf("its Size %.40q is no size of a file", size)
	}
	if !isSHA256(sum) {
		addf("its SHA256 %.80q is no SHA-256 digest", sum)
	}
	if problem := fileProblem(r.file); problem != "" {
		addf("its Filename %.200q %s", r.file, problem)
	}
	r.sha256 = strings.Clone(strings.ToLower(sum))
	r.file = strings.Clone(strings.TrimPrefix(r.file, "./"))
	if showable(description) {
		r.title = strings.Clone(description)
	}
	return r, arch, problems
}

// fileProblem says what is wrong with a path of a .deb, empty: nothing.
func fileProblem(file string) string {
	name := path.Base(file)
	switch {
	case file == "":
		return "is missing"
	case strings.TrimPrefix(file, "./") != path.Clean(file) || strings.HasPrefix(file, "/") || strings.HasPrefix(path.Clean(file), ".."):
		return "is no clean path inside the repository"
	case !strings.HasSuffix(name, ".deb") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || len(name) > catalog.MaxFileName:
		return "does not end in the name of a .deb"
	case strings.Contains(file, `\`) || !showable(file):
		return "contains characters that no file name here may have"
	}
	return ""
}

// showable accepts printable text that the catalog takes.
func showable(s string) bool {
	return len(s) <= catalog.MaxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// validPackage accepts a package name as Debian's policy has it: lower-case letters, digits, "+", "-" and ".", beginning
// with a letter or digit.
func validPackage(s string) bool {
	return len(s) >= 2 && len(s) <= 128 && s[0] != '+' && s[0] != '-' && s[0] != '.' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// patch makes the catalog's record.
func (r record) patch(uri string) catalog.Patch {
	return catalog.Patch{
		ID:      r.id,
		Product: r.product,
		Version: r.version,
		Title:   r.title,
		Artifacts: []catalog.Artifact{{
			Name:         path.Base(r.file),
			Availability: catalog.LatestOnly,
			URL:          joinURL(uri, r.file),
			Size:         r.size,
			Digests:      []integrity.Digest{{Algorithm: integrity.SHA256, Sum: r.sha256}},
		}},
		Transaction: "dpkg",
	}
}

// listed makes the catalog's record of the product.
func (r record) listed(channel, vendor string) catalog.Product {
	return catalog.Product{
		ID:           r.product,
		Name:         r.name,
		Vendor:       vendor,
		Platform:     catalog.Linux,
		Architecture: r.arch,
		Channel:      channel,
		Scheme:       version.Debian,
	}
}
