package scan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// pkg is one installed package. A package of architecture "all" has the native one.
type pkg struct{ name, arch string }

func (p pkg) String() string { return p.name + ":" + p.arch }

func pkgOf(id catalog.ProductID) pkg {
	_, arch, name, _ := debian.SplitProductID(id)
	return pkg{name, arch}
}

// wish is the version wanted of each package.
type wish map[pkg]string

// apt asks the machine's apt about a system, changing nothing: its caches go into a folder of their own.
type apt struct {
	native string
	dir    string            // temporary
	flags  []string          // of every call
	paths  map[string]string // of the programs
}

// newApt takes the architectures that the root has packages of, the native one first.
func newApt(ctx context.Context, root string, archs []string) (*apt, error) {
	a := &apt{native: archs[0], paths: map[string]string{}}
	for _, program := range []string{"apt-get", "apt-cache"} {
		path, err := dpkg.Find(program)
		if err != nil {
			return nil, fmt.Errorf("a scan asks apt what it would do, and it is not on this machine: install the package apt: %w", err)
		}
		a.paths[program] = path
	}
	if err := dpkg.CheckRoot(ctx, root, dpkg.AptReads...); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "patchpolicy-scan-") // TMPDIR may be another user's
	if err != nil {
		return nil, err
	}
	a.dir = dir
	conf := ""
	if root != "/" {
		a.flags = append(a.flags, "-c", a.guard())
	}
	for _, o := range []string{
		"Dir::Cache::pkgcache=" + filepath.Join(dir, "pkgcache.bin"),
		"Dir::Cache::srcpkgcache=" + filepath.Join(dir, "srcpkgcache.bin"),
		"APT::Install-Recommends=false", // a deploy brings in nothing
		"Debug::NoLocking=true",
	} {
		a.flags = append(a.flags, "-o", o)
	}
	if root != "/" {
		// The folder has to be known before apt reads the rest of its configuration, which it then finds in there.
		conf = fmt.Sprintf("Dir %s;\nDir::State::status %s;\n", quote(root), quote(filepath.Join(root, "var/lib/dpkg/status")))
		a.flags = append(a.flags, "-o", "APT::Architecture="+a.native)
		for _, arch := range archs {
			a.flags = append(a.flags, "-o", "APT::Architectures::="+arch)
		}
	}
	if err := errors.Join(os.WriteFile(a.conf(), []byte(conf), 0o600), os.WriteFile(a.guard(), []byte(dpkg.AptGuard(root)), 0o600)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return a, nil
}

func (a *apt) conf() string { return filepath.Join(a.dir, "apt.conf") }

// guard undoes what a root's configuration may not say.
func (a *apt) guard() string { return filepath.Join(a.dir, "guard.conf") }

func (a *apt) close() { _ = os.RemoveAll(a.dir) } // best effort: it holds caches only

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// run returns what the program prints, errors included; failed says that it did not exit with 0.
func (a *apt) run(ctx context.Context, program string, args ...string) (out string, failed bool, err error) {
	cmd := exec.CommandContext(ctx, a.paths[program], append(args, a.flags...)...)
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=" + a.dir, "TMPDIR=" + a.dir,
		"APT_CONFIG=" + a.conf(), "DEBIAN_FRONTEND=noninteractive",
	}
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", false, ctx.Err()
	}
	if _, ran := errors.AsType[*exec.ExitError](err); err != nil && !ran {
		return "", false, fmt.Errorf("%s: %w", program, err)
	}
	return string(text), err != nil, nil
}

// choice is what apt has installed and what it would install.
type choice struct {
	product              catalog.ProductID
	installed, candidate string
	from, to             version.Version // zero when apt's words are no version
	phased               bool            // the vendor hands the candidate out in phases
}

// upgrade reports whether apt would upgrade.
func (c choice) upgrade() bool {
	order, ok := c.to.Compare(c.from)
	return ok && order > 0
}

// perCall is how many packages one call asks about: it keeps the command line below any system's limit.
const perCall = 1000

// choices asks apt for the candidate of every installed package.
func (a *apt) choices(ctx context.Context, inventory catalog.Inventory) (map[pkg]choice, error) {
	all := make(map[pkg]choice, inventory.Len())
	var names []string
	ask := func() error {
		out, failed, err := a.run(ctx, "apt-cache", append([]string{"policy"}, names...)...)
		if err != nil {
			return err
		}
		if failed {
			return fmt.Errorf("apt-cache policy: %s", lastLine(out))
		}
		names = names[:0]
		return a.readPolicy(out, all)
	}
	for in := range inventory.Installed() {
		p := pkgOf(in.Product)
		all[p] = choice{product: in.Product, installed: in.Version.String(), from: in.Version}
		if names = append(names, p.String()); len(names) == perCall {
			if err := ask(); err != nil {
				return nil, err
			}
		}
	}
	if len(names) == 0 {
		return all, nil
	}
	return all, ask()
}

// readPolicy reads what "apt-cache policy NAME…" prints: a line "name:" or "name:arch:", below it "  Candidate: version", and in
// the table of versions "     version priority (phased 10%)".
func (a *apt) readPolicy(out string, all map[pkg]choice) error {
	var p pkg
	lines := bufio.NewScanner(strings.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if head, is := strings.CutSuffix(line, ":"); is && !strings.HasPrefix(line, " ") {
			p = a.parse(head)
		}
		c, known := all[p]
		if words := strings.Fields(line); known && len(words) > 2 && words[0] == c.candidate && words[2] == "(phased" {
			c.phased = true
			all[p] = c
		}
		text, is := strings.CutPrefix(line, "  Candidate: ")
		if !is || !known || text == "(none)" {
			continue
		}
		if v, err := version.Parse(version.Debian, text); err == nil {
			c.candidate, c.to = text, v
			all[p] = c
		}
	}
	return lines.Err()
}

// parse reads apt's name of a package, which has the architecture only if it is a foreign one.
func (a *apt) parse(name string) pkg {
	if name, arch, foreign := strings.Cut(name, ":"); foreign {
		return pkg{name, arch}
	}
	return pkg{name, a.native}
}

// lastLine is the last line that says something.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
