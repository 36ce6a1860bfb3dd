package dpkg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// Package names one package of a system. A package of architecture "all" has
// the native architecture here.
type Package struct{ Name, Arch string }

// String returns name:architecture, as dpkg and apt write it.
func (p Package) String() string { return p.Name + ":" + p.Arch }

// Compare orders by name, then architecture.
func (p Package) Compare(q Package) int {
	return cmp.Or(cmp.Compare(p.Name, q.Name), cmp.Compare(p.Arch, q.Arch))
}

// Apt asks a system's own apt what it would do. It changes nothing: its caches
// are in a private folder, which Close removes. What an interrupted dpkg left
// unfinished counts as finished, so that it does not block the other packages.
// An Apt is not safe for concurrent use.
type Apt struct {
	p     *Platform
	db    *database
	dir   string   // temporary
	flags []string // of every call
	env   []string

	upgrade  *Plan
	warnings []string          // what apt-cache printed as a warning
	channels map[string]string // by repository and suite, as apt prints them
}

// OpenApt prepares to ask apt. The error is [exec.ErrNotFound] if this machine
// has no apt, and an [*OutsideError] if apt must not run on the root.
func (p *Platform) OpenApt(ctx context.Context) (*Apt, error) {
	db, err := p.database()
	if err != nil {
		return nil, err
	}
	return p.openApt(db, func(a *Apt) error { return a.prepare(ctx) })
}

// openApt makes the private folder, and calls prepare for what is in it.
func (p *Platform) openApt(db *database, prepare func(*Apt) error) (*Apt, error) {
	for _, program := range []string{"apt-get", "apt-cache"} {
		if _, err := findProgram("/", program); err != nil {
			return nil, fmt.Errorf("apt is not on this machine, and its answers are needed (install the package apt): %w", err)
		}
	}
	dir, err := os.MkdirTemp(p.cfg.Temp, "patchpolicy-apt-")
	if err != nil {
		return nil, err
	}
	a := &Apt{p: p, db: db, dir: dir, channels: map[string]string{}}
	a.env = append(environment(), "HOME="+dir, "TMPDIR="+dir, "APT_CONFIG="+a.file("apt.conf"))
	if err := prepare(a); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return a, nil
}

func (a *Apt) file(name string) string { return filepath.Join(a.dir, name) }

// settle writes the package database to the file "status", with everything
// unfinished taken as finished.
func (a *Apt) settle() error {
	status, err := settled(a.p.cfg.Root)
	return errors.Join(err, os.WriteFile(a.file("status"), status, 0o600))
}

// Close removes the caches.
func (a *Apt) Close() { _ = os.RemoveAll(a.dir) } // best effort

func (a *Apt) prepare(ctx context.Context) error {
	if err := checkRoot(ctx, a.p.cfg.Root, aptReads...); err != nil {
		return err
	}
	set := func(settings ...string) {
		for pair := range slices.Chunk(settings, 2) {
			a.flags = append(a.flags, "-o", pair[0]+"="+pair[1])
		}
	}
	text := ""
	if root := a.p.cfg.Root; !a.p.host {
		a.flags = append(a.flags, "-c", a.file("guard.conf"))
		// apt must know the root before it reads the rest of its
		// configuration, which is in there.
		text = aptConf("Dir", root, "Dir::State::status", filepath.Join(root, statusFile))
		set("APT::Architecture", a.p.native)
	}
	for _, arch := range debian.Architectures(a.p.cfg.Root) { // otherwise apt asks dpkg
		set("APT::Architectures::", arch)
	}
	set("APT::Cache-Start", "50331648", // bytes: the lists of a release fit without growing the cache
		"Dir::Cache::pkgcache", a.file("pkgcache.bin"),
		"Dir::Cache::srcpkgcache", "",
		"Dir::Cache::archives", a.dir,
		"APT::Install-Recommends", "false", // a deploy adds nothing
		"APT::Get::HideAutoRemove", "true",
		"Debug::NoLocking", "true")
	if a.db.dirty() {
		set("Dir::State::status", a.file("status"))
		if err := a.settle(); err != nil {
			return err
		}
	} else if a.p.host {
		a.reuseCache()
	}
	return errors.Join(os.WriteFile(a.file("apt.conf"), []byte(text), 0o600), os.WriteFile(a.file("guard.conf"), []byte(aptGuard(a.p.cfg.Root)), 0o600))
}

// reuseCache copies the cache that apt last made of its lists, with its time.
// apt uses it only if nothing has changed since, and makes another otherwise.
func (a *Apt) reuseCache() {
	from, err := inroot.Open(a.p.cfg.Root, "var/cache/apt/pkgcache.bin")
	if err != nil {
		return
	}
	defer from.Close()
	name := a.file("pkgcache.bin")
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	info, err := from.Stat()
	if err == nil {
		_, err = io.Copy(to, from)
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = os.Chtimes(name, info.ModTime(), info.ModTime())
	}
	if err != nil {
		_ = os.Remove(name) // apt makes its own
	}
}

// run returns what the program prints and, if it failed, its last line. The
// error is for a program that did not run.
func (a *Apt) run(ctx context.Context, program string, args ...string) (out, failed string, err error) {
	cmd := command(ctx, program, append(args, a.flags...)...)
	cmd.Env = a.env
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", "", ctx.Err()
	}
	if err == nil {
		return string(text), "", nil
	}
	if _, ran := errors.AsType[*exec.ExitError](err); !ran {
		return "", "", fmt.Errorf("%s: %w", program, err)
	}
	last := strings.TrimSpace(string(text))
	last = strings.TrimSpace(last[strings.LastIndexByte(last, '\n')+1:])
	return string(text), cmp.Or(strings.TrimPrefix(last, "E: "), err.Error()), nil
}

// parse reads the name of a package as apt writes it: with the architecture
// only if that is foreign.
func (a *Apt) parse(name string) Package {
	if name, arch, foreign := strings.Cut(name, ":"); foreign {
		return Package{name, a.p.real(arch)}
	}
	return Package{name, a.p.native}
}

// aptConf writes settings, each a key and its value, in the format of
// apt.conf(5).
func aptConf(settings ...string) string {
	var b strings.Builder
	for pair := range slices.Chunk(settings, 2) {
		fmt.Fprintf(&b, "%s \"%s\";\n", pair[0], strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(pair[1]))
	}
	return b.String()
}
