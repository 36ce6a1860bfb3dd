package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// entry is one package in the database.
type entry struct {
	name, arch, version string
	want, state         string // "install", "hold" …; "installed", "half-configured" …
	configured          string // the version that was configured last, if the package is unfinished; empty: none
}

// installed reports whether the package works, as dpkg defines it: one that
// waits for triggers is configured.
func (e entry) installed() bool {
	return e.version != "" && (e.state == "installed" || e.state == "triggers-awaited" || e.state == "triggers-pending")
}

// works is the version that works. For a package that dpkg did not finish it is
// the version that worked last. Empty: none.
func (e entry) works() string {
	switch {
	case e.installed():
		return e.version
	case e.unfinished():
		return e.configured
	}
	return ""
}

// present reports whether the package is on the system, working or not.
func (e entry) present() bool {
	return e.version != "" && e.state != "not-installed" && e.state != "config-files" && e.state != ""
}

func (e entry) key() string { return e.name + ":" + e.arch }

// unfinished reports whether an interrupted dpkg left the package.
func (e entry) unfinished() bool {
	switch e.state {
	case "half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending":
		return true
	}
	return false
}

// leftUnfinished says how dpkg left a package that is not configured, for
// [catalog.Installed].
func (e entry) leftUnfinished() string {
	if e.installed() || !e.unfinished() {
		return ""
	}
	if _, err := version.Parse(version.Debian, e.version); err != nil {
		return e.state
	}
	return e.state + " at version " + e.version
}

func (e entry) held() bool { return e.want == "hold" }

// database is what dpkg knows about a root.
type database struct {
	native   string
	entries  []entry
	index    map[string]int // by name and architecture
	journal  bool           // an interrupted dpkg left updates that are not merged
	problems []error        // for paragraphs that could not be read
}

func readDatabase(root, native string) (_ *database, err error) {
	db := &database{native: native, index: map[string]int{}}
	if db.journal, err = eachParagraph(root, db.put); err != nil {
		return nil, fmt.Errorf("the package database of %s cannot be read: %w", root, err)
	}
	return db, nil
}

const (
	admin      = "var/lib/dpkg"
	statusFile = admin + "/status"
)

// eachParagraph calls do for each package of the status file, and then for what
// an interrupted dpkg left beside it, which it reports as journal. For a
// paragraph that cannot be read it passes the error.
func eachParagraph(root string, do func(deb822.Paragraph, entry, error)) (journal bool, err error) {
	if err := readParagraphs(root, statusFile, do); err != nil {
		return false, err
	}
	names, err := inroot.ReadDir(root, admin+"/updates")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	for _, n := range names { // sorted: the newest comes last
		if strings.Trim(n.Name(), "0123456789") != "" {
			continue
		}
		journal = true
		if err := readParagraphs(root, admin+"/updates/"+n.Name(), do); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
	}
	return journal, nil
}

func readParagraphs(root, name string, do func(deb822.Paragraph, entry, error)) error {
	f, err := inroot.Open(root, name)
	if err != nil {
		return err
	}
	defer f.Close()
	return parseStatus(f, filepath.Join(root, name), do)
}

func parseStatus(from io.Reader, name string, do func(deb822.Paragraph, entry, error)) error {
	for p, err := range deb822.NewReader(from).All() {
		if bad, is := errors.AsType[*deb822.Error](err); is {
			do(p, entry{}, fmt.Errorf("%s: %w", name, bad))
			continue
		}
		if err != nil {
			return err
		}
		if e, ok := parseEntry(p); ok {
			do(p, e, nil)
		} else {
			do(p, entry{}, fmt.Errorf("%s: line %d: the package has no name, a field of several words, or a status that is not three words", name, p.Line))
		}
	}
	return nil
}

// parseEntry copies what it keeps: the texts of a paragraph share the memory of
// the whole file.
func parseEntry(p deb822.Paragraph) (entry, bool) {
	status := strings.Fields(p.Get("Status"))
	e := entry{name: strings.Clone(p.Get("Package")), arch: strings.Clone(p.Get("Architecture")), version: strings.Clone(p.Get("Version")),
		configured: strings.Clone(p.Get("Config-Version"))}
	if e.name == "" || len(status) != 3 || strings.ContainsAny(e.name+e.arch+e.version+e.configured, " \t\r\n") {
		return entry{}, false
	}
	e.want, e.state = strings.Clone(status[0]), strings.Clone(status[2])
	return e, true
}

func (db *database) put(_ deb822.Paragraph, e entry, problem error) {
	if problem != nil {
		db.problems = append(db.problems, problem)
		return
	}
	if i, ok := db.index[e.key()]; ok {
		db.entries[i] = e
		return
	}
	db.index[e.key()] = len(db.entries)
	db.entries = append(db.entries, e)
}

// find looks up a package. One of architecture "all" is found under the native
// one.
func (db *database) find(arch, name string) (found entry, ok bool) {
	for _, a := range []string{arch, "all"} {
		if i, there := db.index[name+":"+a]; there && (a == arch || arch == db.native) && (!ok || db.entries[i].present()) {
			found, ok = db.entries[i], true
		}
	}
	return found, ok
}

// dirty reports whether an interrupted dpkg has to be finished first.
func (db *database) dirty() bool {
	return db.journal || slices.ContainsFunc(db.entries, entry.unfinished)
}

// settled writes the package database as it will be when everything unfinished
// is finished. A package of which no version ever worked is on hold there,
// because others may depend on it.
func settled(root string) ([]byte, error) {
	var order []string
	texts := map[string]string{}
	_, err := eachParagraph(root, func(p deb822.Paragraph, e entry, _ error) {
		if _, again := texts[e.key()]; !again {
			order = append(order, e.key())
		}
		if texts[e.key()] = ""; !e.present() {
			return
		}
		want := e.want
		if e.works() == "" {
			want = "hold"
		}
		var b strings.Builder
		fmt.Fprintf(&b, "Status: %s ok installed\n", want)
		for _, f := range p.Fields {
			if !strings.EqualFold(f.Name, "Status") {
				fmt.Fprintf(&b, "%s: %s\n", f.Name, strings.ReplaceAll(f.Value, "\n", "\n "))
			}
		}
		texts[e.key()] = b.String() + "\n"
	})
	var all bytes.Buffer
	for _, key := range order {
		all.WriteString(texts[key])
	}
	return all.Bytes(), err
}
