package debroot

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Repository is where the machine's own configuration gets its release from.
type Repository struct {
	URI     string
	Suite   string
	Keyring string // empty: debootstrap's default
}

// Own finds the repository of the machine's own release: main of the suite that
// VERSION_CODENAME names, without updates.
func Own(ctx context.Context) (Repository, error) {
	release, err := exec.CommandContext(ctx, "sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME").Output()
	suite := strings.TrimSpace(string(release))
	if err != nil || suite == "" {
		return Repository{}, fmt.Errorf("/etc/os-release names no VERSION_CODENAME (%v)", err)
	}
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)", "Created-By: Packages")
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		return Repository{}, fmt.Errorf("apt-get indextargets: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 || f[1] != suite || f[2] != "main" {
			continue
		}
		r := Repository{URI: f[0], Suite: suite}
		if strings.HasPrefix(f[3], "/") {
			r.Keyring = f[3]
		}
		return r, nil
	}
	return Repository{}, fmt.Errorf("the machine's apt configuration has no main component of %s", suite)
}

// Real makes a minimal root of the machine's own release in dir, which must not
// exist. It has main's versions, without updates, so that something is missing.
// The first call takes debootstrap half a minute; later calls copy the root
// from the user's cache folder.
func Real(ctx context.Context, dir string) error {
	base, err := cached(ctx)
	if err != nil {
		return err
	}
	return run(ctx, "cp", "-a", "--reflink=auto", base, dir)
}

// cached returns the cached root, and makes it if it is missing. If two
// programs make it at once, one of the two is kept.
func cached(ctx context.Context) (string, error) {
	repo, err := Own(ctx)
	if err != nil {
		return "", err
	}
	arch, err := Architecture(ctx)
	if err != nil {
		return "", err
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(caches, "patchpolicy", "debroot")
	base := filepath.Join(folder, repo.Suite+"-"+arch)
	if _, err := os.Stat(base); err == nil {
		return base, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	making, err := os.MkdirTemp(folder, "making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(making)
	root := filepath.Join(making, "root")
	args := []string{"--variant=minbase"}
	if repo.Keyring != "" {
		args = append(args, "--keyring="+repo.Keyring)
	}
	if err := run(ctx, "debootstrap", append(args, repo.Suite, root, repo.URI)...); err != nil {
		return "", err
	}
	if err := os.Rename(root, base); err != nil {
		if _, there := os.Stat(base); there != nil {
			return "", err
		}
	}
	return base, nil
}

func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "SOURCE_DATE_EPOCH=1700000000", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	out, err := cmd.CombinedOutput()
	if err != nil {
		tail := string(out)
		if len(tail) > 2000 {
			tail = "…" + tail[len(tail)-2000:]
		}
		return fmt.Errorf("%s: %w: %s", name, err, tail)
	}
	return nil
}
