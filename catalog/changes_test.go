package catalog

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// CAT-1: whatever of a patch a feed changes is a change, and makes a new
// snapshot: no field is forgotten.
func TestEveryFieldOfAPatchIsCompared_CAT1(t *testing.T) {
	for _, list := range []Batch{batch(edit("1.0.0", vendor)), batch(edit("1.0.0", vendor), edit("2.0.0"))} {
		fields := map[string]func(*Patch){
			"Version": func(p *Patch) { p.Version = ver("1.0.1") }, "Title": func(p *Patch) { p.Title = "x" },
			"Published": func(p *Patch) { p.Published = noon }, "Severity": func(p *Patch) { p.Severity = High },
			"CVEs": func(p *Patch) { p.CVEs = []string{"CVE-2026-0001"} }, "EOLMarked": marked, "EOL": ends(noon.Add(time.Hour)),
			"Withdrawn": withdrawn, "Supersedes": supersedes("x"), "Requires": requires("x"), "Reboot": func(p *Patch) { p.Reboot = true },
			"Transaction": func(p *Patch) { p.Transaction = "x" }, "Product": func(p *Patch) { p.Product = "other" },
			"Artifacts": func(p *Patch) { p.Artifacts = nil }, "Exploited": func(p *Patch) { p.Exploited = true },
			"Class": func(p *Patch) { p.Class = Driver }, "Source": func(p *Patch) { p.Source = ver("0.9.0") },
		}
		for name, change := range map[string]func(*Artifact){
			"Name": func(a *Artifact) { a.Name = "x" }, "Availability": func(a *Artifact) { a.Availability = Repository },
			"URL": func(a *Artifact) { a.URL = own }, "CustomURL": func(a *Artifact) { a.CustomURL = own }, "Size": func(a *Artifact) { a.Size++ },
			"Digests": func(a *Artifact) { a.Digests = []integrity.Digest{} }, "Signer": func(a *Artifact) { a.Signer = "x" },
			"SignatureURL": func(a *Artifact) { a.SignatureURL = own },
		} {
			fields["Artifacts."+name] = func(p *Patch) { change(&p.Artifacts[0]) }
		}
		require.Len(t, fields, reflect.TypeFor[Patch]().NumField()-2+reflect.TypeFor[Artifact]().NumField(), "all but ID and Listed")

		other := editor()
		other.ID = "other"
		list.Products = append(list.Products, other)
		s := synced(t, list)
		for name, change := range fields {
			changed := list
			changed.Patches = append([]Patch{edit("1.0.0", vendor, change)}, list.Patches[1:]...)
			next, changes := Sync(s, []Batch{changed}, noon)
			require.Equal(t, []PatchID{"editor-1.0.0"}, changes.Changed, name)
			require.Empty(t, changes.Rejected, name)
			require.Equal(t, s.ID()+1, next.ID(), name)
		}
	}
}

func TestEveryFieldOfAProductIsCompared_CAT1(t *testing.T) {
	s := synced(t, Batch{Feed: "acme", At: noon, Products: []Product{editor()}})
	fields := map[string]func(*Product){
		"ID": func(p *Product) { p.ID = "x" }, "Name": func(p *Product) { p.Name = "x" }, "Vendor": func(p *Product) { p.Vendor = "x" },
		"Platform": func(p *Product) { p.Platform = MacOS }, "Architecture": func(p *Product) { p.Architecture = "x" },
		"Channel": func(p *Product) { p.Channel = "x" }, "Scheme": func(p *Product) { p.Scheme = version.Dotted },
		"Lines": func(p *Product) { p.Lines = []Line{{Prefix: "1"}} }, "Package": func(p *Product) { p.Package = Package{"Acme", "editor"} },
	}
	require.Len(t, fields, reflect.TypeFor[Product]().NumField())
	for name, change := range fields {
		p := editor()
		change(&p)
		next, _ := Sync(s, []Batch{{Feed: "acme", At: noon, Products: []Product{p}}}, noon)
		require.Equal(t, s.ID()+1, next.ID(), name)
	}
	line := Line{Prefix: "1", EOL: noon, Extended: noon}
	withLine := func(change func(*Line)) Batch {
		p, l := editor(), line
		change(&l)
		p.Lines = []Line{l}
		return Batch{Feed: "acme", At: noon, Products: []Product{p}}
	}
	s = synced(t, withLine(func(*Line) {}))
	require.Equal(t, 4, reflect.TypeFor[Line]().NumField())
	for i, change := range []func(*Line){func(l *Line) { l.Prefix = "2" }, func(l *Line) { l.EOL = noon.Add(1) }, func(l *Line) { l.Extended = noon.Add(1) }, func(l *Line) { l.Over = true }} {
		next, _ := Sync(s, []Batch{withLine(change)}, noon)
		require.Equal(t, s.ID()+1, next.ID(), i)
	}
}

// CAT-1: every kind of change numbers a new snapshot, alone and along with each other.
func TestEveryChangeIsNumbered_CAT1(t *testing.T) {
	s := synced(t, batch(edit("1.0.0"), edit("2.0.0")))
	for name, b := range map[string]Batch{
		"added": batch(edit("1.0.0"), edit("2.0.0"), edit("3.0.0")), "removed": batch(edit("1.0.0")),
		"changed": batch(edit("1.0.0"), edit("2.0.0", marked)), "added and removed": batch(edit("1.0.0"), edit("3.0.0")),
		"changed and removed": batch(edit("1.0.0", marked)), "added and changed": batch(edit("1.0.0"), edit("2.0.0", marked), edit("3.0.0")),
		"withdrawn": batch(edit("1.0.0"), edit("2.0.0", withdrawn)), "withdrawn and removed": batch(edit("2.0.0", withdrawn)),
	} {
		next, _ := Sync(s, []Batch{b}, noon)
		require.Equal(t, s.ID()+1, next.ID(), name)
	}
}
