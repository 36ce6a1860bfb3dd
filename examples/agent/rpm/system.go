package rpm

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/rpmfeed"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// System is an RPM system.
type System struct {
	Repos     []Repo // that are enabled, by id
	Installed []Package
	LeftOut   []string // what is installed and cannot be read
	Native    string   // the architecture that noarch packages belong to

	root, database string
	main           settings
	installOnly    []string // packages and provides
	locks          []string
}

// Package is one installed package. Of several versions it is the newest.
type Package struct {
	Name, Arch  string // the architecture of a noarch package is the native one
	Version     version.Version
	InstallOnly bool // its versions are installed side by side
	Module      string
}

// databases are where rpm keeps its database, and the files that show it.
var (
	databases = []string{"usr/lib/sysimage/rpm", "var/lib/rpm", "root/.rpmdb"}
	shown     = []string{"rpmdb.sqlite", "Packages.db", "Packages"}
)

// dnfInstallOnly are dnf's own installonlypkgs.
var dnfInstallOnly = []string{"kernel", "kernel-PAE", "installonlypkg(kernel)", "installonlypkg(kernel-module)", "installonlypkg(vm)", "multiversion(kernel)"}

// database returns where the database is below root. Empty: it has none.
func database(root string) string {
	for _, dir := range databases {
		for _, file := range shown {
			if info, err := inroot.Stat(root, filepath.Join(dir, file)); err == nil && info.Mode().IsRegular() {
				return dir
			}
		}
	}
	return ""
}

// Is reports whether the system below root is of RPM packages, not of Debian's.
func Is(root string) bool {
	_, err := inroot.Stat(root, "var/lib/dpkg/status")
	return err != nil && database(root) != ""
}

// Open reads a system. It runs rpm of this machine.
func Open(ctx context.Context, root string) (*System, error) {
	s := &System{root: root, database: database(root), installOnly: slices.Clone(dnfInstallOnly)}
	if s.database == "" {
		return nil, fmt.Errorf("%s has no RPM database", root)
	}
	if err := s.readSettings(); err != nil {
		return nil, err
	}
	// Not --root: that takes root rights and runs in the folder.
	const format = `%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{MODULARITYLABEL}\t[%{PROVIDENAME} ]\n`
	out, err := exec.CommandContext(ctx, "rpm", "--dbpath", filepath.Join(root, s.database), "-qa", "--qf", format).Output()
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("rpm -qa: %w", err)
	}
	return s, s.readInstalled(out)
}

func (s *System) readInstalled(out []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	count := map[string]int{}
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 7 || f[0] == "gpg-pubkey" {
			continue
		}
		v, err := version.Parse(version.Rpm, rpmfeed.EVR(f[1], f[2], f[3]))
		if err != nil {
			s.LeftOut = append(s.LeftOut, fmt.Sprintf("%.80q: %v", f[0], err))
			continue
		}
		p := Package{Name: f[0], Arch: f[4], Version: v, Module: strings.TrimPrefix(f[5], "(none)")}
		for _, provided := range append(strings.Fields(f[6]), p.Name) {
			p.InstallOnly = p.InstallOnly || slices.Contains(s.installOnly, provided)
		}
		count[p.Arch]++
		s.Installed = append(s.Installed, p)
	}
	s.Native = native(count)
	for i := range s.Installed {
		if s.Installed[i].Arch == rpmfeed.NoArch {
			s.Installed[i].Arch = s.Native
		}
	}
	slices.SortFunc(s.Installed, func(a, b Package) int {
		order, _ := b.Version.Compare(a.Version)
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), order)
	})
	s.Installed = slices.CompactFunc(s.Installed, func(a, b Package) bool { return a.Name == b.Name && a.Arch == b.Arch })
	return lines.Err()
}

// rpmNames are RPM's names of Go's architectures.
var rpmNames = map[string]string{"amd64": "x86_64", "386": "i686", "arm64": "aarch64", "arm": "armv7hl", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64"}

// native returns this machine's architecture, or that of most packages if the
// system is of another one.
func native(count map[string]int) string {
	most := rpmNames[runtime.GOARCH]
	if count[most] > 0 {
		return most
	}
	for arch, n := range count {
		if arch != rpmfeed.NoArch && (n > count[most] || n == count[most] && arch < most) {
			most = arch
		}
	}
	return most
}

// Architectures returns those of the installed packages, the native one first.
func (s *System) Architectures() []string {
	archs := []string{s.Native}
	for _, p := range s.Installed {
		if !slices.Contains(archs, p.Arch) {
			archs = append(archs, p.Arch)
		}
	}
	return archs
}

// Names returns the names of what is installed.
func (s *System) Names() map[string]bool {
	names := map[string]bool{}
	for _, p := range s.Installed {
		names[p.Name] = true
	}
	return names
}

// Feed returns a feed of the metadata that dnf has downloaded of a repository.
func (s *System) Feed(r Repo, c rpmfeed.Config) (*rpmfeed.Feed, error) {
	c.Channel, c.Root, c.Architectures, c.Unsigned = r.ID, s.root, s.Architectures(), !r.Checked
	if r.Checked {
		var rings [][]byte
		for _, key := range r.Keys {
			name, local := strings.CutPrefix(key, "file://")
			if !local {
				return nil, fmt.Errorf("repository %s: its key %.200q is not a file: download it, and name it as file:///… in gpgkey", r.ID, key)
			}
			data, err := inroot.ReadFile(s.root, name, maxSettings)
			if err != nil {
				return nil, fmt.Errorf("repository %s: its key %.200q: %w", r.ID, key, err)
			}
			rings = append(rings, data)
		}
		var err error
		if c.Keyring, err = openpgp.Join(rings...); err != nil {
			return nil, fmt.Errorf("repository %s: its keys cannot be used: %w", r.ID, err)
		}
	}
	c.Metadata = s.cached(r.ID)
	if c.Metadata == "" {
		return nil, fmt.Errorf("repository %s: dnf has downloaded no metadata of it: run \"dnf makecache\"", r.ID)
	}
	return rpmfeed.New(c)
}

// cached returns dnf's newest folder of a repository, like "baseos-" and 16 hex
// digits, which are of its address.
func (s *System) cached(id string) (newest string) {
	const dir = "var/cache/dnf"
	names, _ := inroot.ReadDir(s.root, dir)
	var at int64
	for _, name := range names {
		digits, is := strings.CutPrefix(name.Name(), id+"-")
		if !is || len(digits) != 16 || strings.Trim(digits, "0123456789abcdef") != "" {
			continue
		}
		info, err := inroot.Stat(s.root, filepath.Join(dir, name.Name(), "repodata/repomd.xml"))
		if err == nil && info.ModTime().UnixNano() > at {
			newest, at = filepath.Join(s.root, dir, name.Name()), info.ModTime().UnixNano()
		}
	}
	return newest
}
