package dpkg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// OutsideError reports that a name below a root folder is not safe for the
// host's dpkg and apt to use: a link that leads out of the root, or a pipe or
// device.
type OutsideError struct {
	Root, Name string
	Target     string // where the link leads; empty: the name is a pipe or device
}

func (e *OutsideError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s in %s is neither a file nor a folder, so dpkg and apt are not run on %[2]s: remove it, or run the agent inside the system", e.Name, e.Root)
	}
	return fmt.Sprintf("%s in %s leads out of that folder, to %s on this computer, so dpkg and apt are not run on %[2]s: run the agent inside the system instead", e.Name, e.Root, e.Target)
}

// maxWalk is how many names of a root are checked; apt's lists and
// configuration have some hundreds.
const maxWalk = 100_000

// checkRoot returns an *OutsideError if the host's dpkg or apt would leave a
// root folder. It checks the names, and everything below those that end in "/".
// A name that does not exist is fine, and so is every name of the host's own
// root. A system that is running can change its links after the check.
func checkRoot(ctx context.Context, root string, names ...string) error {
	if root == "/" {
		return nil
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	left := maxWalk
	check := func(name string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fmt.Errorf("%s has more than %d files that dpkg and apt would read", root, maxWalk)
		}
		target := ""
		if err = cmp.Or(err, ctx.Err()); err == nil {
			target, err = filepath.EvalSymlinks(name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(real, target)
		short := strings.TrimPrefix(name, root+"/")
		if err != nil || !filepath.IsLocal(rel) {
			return &OutsideError{Root: root, Name: short, Target: target}
		}
		info, err := os.Lstat(target)
		if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
			return &OutsideError{Root: root, Name: short}
		}
		return err
	}
	for _, name := range names {
		err := check(filepath.Join(root, name), nil, nil)
		if err == nil && strings.HasSuffix(name, "/") {
			target, missing := filepath.EvalSymlinks(filepath.Join(root, name)) // WalkDir would not follow it
			if missing == nil {
				err = filepath.WalkDir(target, check)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// aptReads are the names below a root folder that apt reads.
var aptReads = []string{"etc/apt/", "var/lib/apt/", statusFile}

// dpkgWrites are the names below a root folder that dpkg writes to. Below them,
// dpkg follows the root's links as it does on the host: deploy only to a root
// whose owner may do anything on the host, or run the agent inside.
var dpkgWrites = []string{"var/lib/dpkg", "var", "usr", "etc", "bin", "sbin", "lib", "lib64", "opt", "boot", "run", "srv"}

// aptGuard is a configuration that apt gets with -c, after the configuration of
// a root folder. It removes every setting that runs a program of the host, or
// names or writes a file of it: whoever made the root chose those settings. The
// caches and locks are set on apt's command line.
func aptGuard(root string) string {
	var guard strings.Builder
	for _, key := range []string{"AptCli", "DPkg", "APT::Update", "APT::Compressor", "APT::Solver", "APT::Planner", "APT::Key", "Acquire::http", "Acquire::https", "Acquire::ftp",
		"Acquire::tor", "Acquire::ssh", "Acquire::rsh", "Acquire::gpgv", "RootDir", "Dir"} {
		fmt.Fprintf(&guard, "#clear %s;\n", key)
	}
	guard.WriteString(aptConf(
		"Dir", root,
		"Dir::State", "var/lib/apt/",
		"Dir::State::lists", "lists/",
		"Dir::State::extended_states", "extended_states",
		"Dir::State::status", filepath.Join(root, statusFile),
		"Dir::Etc", "etc/apt/",
		"Dir::Etc::sourcelist", "sources.list",
		"Dir::Etc::sourceparts", "sources.list.d",
		"Dir::Etc::preferences", "preferences",
		"Dir::Etc::preferencesparts", "preferences.d",
		"Dir::Cache", "var/cache/apt/",
		"Dir::Cache::archives", "archives/",
		"Dir::Cache::pkgcache", "",
		"Dir::Cache::srcpkgcache", "",
		"Dir::Bin::dpkg", "/usr/bin/dpkg",
		"Dir::Bin::methods", "/usr/lib/apt/methods",
	))
	for _, pattern := range []string{`~$`, `\.disabled$`, `\.bak$`, `\.dpkg-[a-z]+$`, `\.ucf-[a-z]+$`, `\.save$`, `\.orig$`, `\.distUpgrade$`} {
		guard.WriteString(aptConf("Dir::Ignore-Files-Silently::", pattern))
	}
	guard.WriteString(aptConf("Debug::NoLocking", "true"))
	return guard.String()
}
