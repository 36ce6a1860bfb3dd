package debroot

import (
	"cmp"
	"context"
	"fmt"
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

// Build writes the package into folder and returns its path. The file is the same for the same Deb.
func (d Deb) Build(ctx context.Context, folder string) (string, error) {
	arch := d.Architecture
	if arch == "" {
		var err error
		if arch, err = Architecture(ctx); err != nil {
			return "", err
		}
	}
	tree, err := os.MkdirTemp("", "deb-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tree)
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Nobody <nobody@example.org>\nDescription: test package\n", d.Name, d.Version, arch)
	for _, f := range d.Fields {
		control += f + "\n"
	}
	write := func(name, text string, mode os.FileMode) error {
		to := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(text), mode)
	}
	if err := write("DEBIAN/control", control, 0o644); err != nil {
		return "", err
	}
	if len(d.Conffiles) > 0 {
		if err := write("DEBIAN/conffiles", strings.Join(d.Conffiles, "\n")+"\n", 0o644); err != nil {
			return "", err
		}
	}
	for name, text := range d.Scripts {
		if err := write("DEBIAN/"+name, "#!/bin/sh\n"+text+"\n", 0o755); err != nil {
			return "", err
		}
	}
	for name, text := range d.Files {
		if err := write(name, text, 0o644); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(tree, 0o755); err != nil {
		return "", err
	}
	to := filepath.Join(folder, fmt.Sprintf("%s_%s_%s.deb", d.Name, strings.ReplaceAll(d.Version, ":", "%3a"), cmp.Or(d.Architecture, arch)))
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, to)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("dpkg-deb: %w: %s", err, out)
	}
	return to, nil
}

// Architecture is the machine's own.
func Architecture(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "dpkg", "--print-architecture").Output()
	if err != nil {
		return "", fmt.Errorf("dpkg --print-architecture: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Install installs packages into a root with dpkg itself.
func Install(ctx context.Context, root string, debs ...string) error {
	cmd := exec.CommandContext(ctx, "dpkg", append([]string{"--root=" + root, "--force-unsafe-io", "--install"}, debs...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("dpkg --install: %w: %s", err, out)
	}
	return nil
}

// Version asks dpkg for the state and version of a package in a root, "ii 1.2-3"; empty when it does not know it.
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
