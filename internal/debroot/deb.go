// Package debroot makes Debian root folders and packages for tests: a tiny root
// with a shell and an empty package database in milliseconds, a real one with
// debootstrap from the machine's own repositories, and packages with any
// content.
//
// It needs Linux, root and Debian's dpkg; the real root also needs debootstrap
// and a repository that can be reached. [Missing] and [MissingReal] say what is
// missing, so that a test can skip with a reason, or fail if CI=true.
package debroot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Deb describes a package to build.
type Deb struct {
	Name         string
	Version      string
	Architecture string            // default: the machine's
	Fields       []string          // more control fields, "Depends: other (>= 2)"
	Scripts      map[string]string // maintainer scripts by name, "postinst", without the first line
	Files        map[string]string // content by path, "etc/demo.conf"
	Conffiles    []string          // paths among Files, "/etc/demo.conf"
}

// Build writes the package into folder and returns its path. Equal Debs give
// equal files.
func (d Deb) Build(ctx context.Context, folder string) (string, error) {
	own, err := Architecture(ctx)
	if err != nil {
		return "", err
	}
	arch := cmp.Or(d.Architecture, own)
	tree, err := os.MkdirTemp("", "deb-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tree)
	fields := append([]string{"Package: " + d.Name, "Version: " + d.Version, "Architecture: " + arch,
		"Maintainer: Nobody <nobody@example.org>", "Description: test package"}, d.Fields...)
	files := map[string]string{"DEBIAN/control": strings.Join(fields, "\n") + "\n"}
	if len(d.Conffiles) > 0 {
		files["DEBIAN/conffiles"] = strings.Join(d.Conffiles, "\n") + "\n"
	}
	maps.Copy(files, d.Files)
	if err := write(tree, files, 0o644); err != nil {
		return "", err
	}
	scripts := map[string]string{}
	for name, text := range d.Scripts {
		scripts["DEBIAN/"+name] = "#!/bin/sh\n" + text + "\n"
	}
	if err := errors.Join(write(tree, scripts, 0o755), os.Chmod(tree, 0o755)); err != nil {
		return "", err
	}
	to := filepath.Join(folder, fmt.Sprintf("%s_%s_%s.deb", d.Name, strings.ReplaceAll(d.Version, ":", "%3a"), arch))
	return to, run(ctx, "dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, to)
}

func write(dir string, files map[string]string, mode os.FileMode) error {
	for name, text := range files {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}

// Architecture is the machine's architecture.
func Architecture(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "dpkg", "--print-architecture").Output()
	if err != nil {
		return "", fmt.Errorf("dpkg --print-architecture: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Install installs packages into a root with dpkg itself.
func Install(ctx context.Context, root string, debs ...string) error {
	return run(ctx, "dpkg", append([]string{"--root=" + root, "--force-unsafe-io", "--install"}, debs...)...)
}

// Version returns the state and version of a package in a root, such as "ii
// 1.2-3"; empty if dpkg does not know it.
func Version(ctx context.Context, root, name string) (string, error) {
	cmd := exec.CommandContext(ctx, "dpkg-query", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${db:Status-Abbrev}${Version}\n", name)
	out, err := cmd.Output()
	if err != nil {
		if _, ok := err.(*exec.ExitError); ok {
			return "", nil
		}
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

// Missing says why tiny roots and packages cannot be made and used here; empty:
// they can.
func Missing() string { return missing("dpkg", "dpkg-deb", "apt-get", "apt-cache", "ldd", "cp") }

// MissingReal says why real roots cannot be made here; empty: they can, if the
// repository can be reached.
func MissingReal() string { return cmp.Or(Missing(), missing("debootstrap")) }

func missing(programs ...string) string {
	if runtime.GOOS != "linux" {
		return "Debian roots need Linux, and this is " + runtime.GOOS
	}
	if os.Geteuid() != 0 {
		return "Debian roots need root: maintainer scripts run in a chroot"
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Sprintf("%s is not installed: apt-get install dpkg-dev apt debootstrap", p)
		}
	}
	return ""
}

// Tiny makes a root in dir, which must be empty or missing: an empty package
// database, an os-release with the codename "tiny", and sh, sleep, touch and
// cat with their libraries for maintainer scripts.
func Tiny(ctx context.Context, dir string) error {
	for _, d := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/apt/lists", "var/log", "etc/apt", "usr/sbin", "run", "tmp", "bin", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := write(dir, map[string]string{
		"var/lib/dpkg/status":    "",
		"var/lib/dpkg/available": "",
		"etc/os-release":         "ID=debian\nVERSION_CODENAME=tiny\n",
	}, 0o644); err != nil {
		return err
	}
	for _, program := range []string{"sh", "sleep", "touch", "cat"} {
		if err := copyProgram(ctx, dir, program); err != nil {
			return err
		}
	}
	return nil
}

// copyProgram copies one of the machine's programs, and the libraries that it
// is linked with, to the same places under dir.
func copyProgram(ctx context.Context, dir, program string) error {
	from, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "ldd", from).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", from, err)
	}
	copying := []string{"-L", "--parents"}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			copying = append(copying, word)
		}
	}
	if err := run(ctx, "cp", append(copying, dir)...); err != nil {
		return err
	}
	return run(ctx, "cp", "-L", from, filepath.Join(dir, "bin", program))
}
