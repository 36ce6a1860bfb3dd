package dpkg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// candidate is a patch whose file was examined.
type candidate struct {
	index int // of the patch
	Package
	own       string          // the file's own architecture: "all", or Arch
	version   version.Version // what the file contains
	installed entry
	file      *os.File
}

func (c candidate) String() string { return c.Name + " " + c.version.String() }

// same reports whether the asset already has the version of the file.
func (c candidate) same() bool { return c.installed.version == c.version.String() }

// examine compares a patch's file with the order and the asset. It returns why
// the patch cannot be deployed, or an empty text.
func (p *Platform) examine(ctx context.Context, db *database, s runner.Staged) (c candidate, refused string, err error) {
	c.index = s.Index
	_, arch, name, ok := debian.SplitProductID(s.Patch.Product)
	switch {
	case !ok:
		return c, fmt.Sprintf("the product %s is not a Debian package", s.Patch.Product), nil
	case len(s.Files) != 1:
		return c, fmt.Sprintf("a Debian package is one file, and this patch has %d", len(s.Files)), nil
	}
	c.Package, c.file = Package{name, arch}, s.Files[0]
	has, err := p.control(ctx, c.file)
	if err != nil {
		if ctx.Err() != nil {
			return c, "", ctx.Err()
		}
		return c, fmt.Sprintf("dpkg-deb cannot read the file as a Debian package: %v", err), nil
	}
	c.own = has.arch
	if c.version, err = version.Parse(version.Debian, has.version); err != nil {
		return c, fmt.Sprintf("the file's version is not valid: %v", err), nil
	}
	if has.name != name || p.real(has.arch) != arch {
		return c, fmt.Sprintf("the file contains %s for %s, and the order is for %s for %s", has.name, has.arch, name, arch), nil
	}
	if order, ok := c.version.Compare(s.Patch.Version); !ok || order < 0 {
		return c, fmt.Sprintf("the file contains version %s, and the order is for %s or newer (CAT-7)", c.version, s.Patch.Version), nil
	}
	c.installed, ok = db.find(arch, name)
	if !ok || !c.installed.present() {
		return c, fmt.Sprintf("%s is not installed, and nothing is installed for the first time (CAT-3)", name), nil
	}
	if c.installed.held() {
		return c, fmt.Sprintf("%s is on hold on this asset: release it there with apt-mark unhold %s (CAT-5)", name, name), nil
	}
	now, err := version.Parse(version.Debian, c.installed.version)
	if err != nil {
		return c, fmt.Sprintf("the installed version of %s is not valid: %v", name, err), nil
	}
	if order, ok := c.version.Compare(now); !ok || order < 0 {
		return c, fmt.Sprintf("version %s is installed, which is newer than %s (CAT-3)", now, c.version), nil
	}
	return c, "", nil
}

func (p *Platform) control(ctx context.Context, f *os.File) (entry, error) {
	cmd := p.tool(ctx, "dpkg-deb", "--show", "--showformat=${Package}\\n${Version}\\n${Architecture}\\n", "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.Output()
	if err != nil {
		if ee, ok := errors.AsType[*exec.ExitError](err); ok && len(ee.Stderr) > 0 {
			err = fmt.Errorf("%w: %s", err, lastLines(string(ee.Stderr), 1000))
		}
		return entry{}, err
	}
	lines := strings.Split(string(out), "\n")
	if len(lines) != 4 {
		return entry{}, fmt.Errorf("dpkg-deb printed %q", lastLines(string(out), 200))
	}
	return entry{name: lines[0], version: lines[1], arch: lines[2]}, nil
}

// dropDoubles refuses all but the newest of several patches of one package.
func (d *deployment) dropDoubles(cs []candidate) (kept []candidate) {
	newest := map[Package]candidate{}
	for _, c := range cs {
		best, again := newest[c.Package]
		if order, _ := c.version.Compare(best.version); !again || order > 0 {
			newest[c.Package] = c
		}
	}
	for _, c := range cs {
		if best := newest[c.Package]; best.index == c.index {
			kept = append(kept, c)
		} else {
			d.refused[c.index] = fmt.Sprintf("the same order contains %s (CAT-14)", best)
		}
	}
	return kept
}

// Preflight refuses patches whose dependencies neither the asset nor the order
// meets, and patches that would add, remove or downgrade a package. The others
// can be installed together. It changes nothing and needs no root rights.
func (p *Platform) Preflight(ctx context.Context, patches []runner.Staged) ([]execution.PreflightResult, error) {
	db, err := p.database()
	if err != nil {
		return nil, err
	}
	plan, err := p.plan(ctx, db, patches)
	if err != nil {
		return nil, err
	}
	results := make([]execution.PreflightResult, 0, len(patches))
	for _, s := range patches {
		results = append(results, execution.PreflightResult{Index: s.Index, Refused: plan.refused[s.Index], Version: plan.versions[s.Index]})
	}
	return results, nil
}

// deployment is what can be done with some patches.
type deployment struct {
	all      []candidate
	steps    steps // over all
	refused  map[int]string
	versions map[int]version.Version // what the files contain
}

func (p *Platform) plan(ctx context.Context, db *database, patches []runner.Staged) (deployment, error) {
	d := deployment{refused: map[int]string{}, versions: map[int]version.Version{}}
	var cs []candidate
	for _, s := range patches {
		c, refused, err := p.examine(ctx, db, s)
		if err != nil {
			return d, err
		}
		d.versions[s.Index] = c.version
		if refused != "" {
			d.refused[s.Index] = refused
			continue
		}
		cs = append(cs, c)
	}
	if d.all = d.dropDoubles(cs); len(d.all) == 0 {
		return d, nil
	}
	r, err := p.newResolver(db, d.all)
	if err != nil {
		return d, err
	}
	defer r.apt.Close()
	var refused map[int]string
	d.steps, refused, err = settle(len(d.all), func(set []int) (answer, error) { return r.ask(ctx, set) })
	for i, why := range refused {
		d.refused[d.all[i].index] = "apt's resolver refuses it: " + why
	}
	return d, err
}
