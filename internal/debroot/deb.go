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

// write writes files, by their paths, under dir.
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
