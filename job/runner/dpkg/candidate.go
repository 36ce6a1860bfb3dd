package dpkg

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// candidate is one patch whose file was looked into.
type candidate struct {
	index      int // of the patch
	name, arch string
	own        string          // the file's own architecture: "all", or arch
	version    version.Version // what the file contains
	installed  entry
	file       *os.File
}

func (c candidate) String() string { return c.name + " " + c.version.String() }

// spec names the unpacked package to dpkg.
func (c candidate) spec() string {
	if c.own == "all" {
		return c.name
	}
	return c.name + ":" + c.arch
}

// same says whether the asset's package has the file's version already.
func (c candidate) same() bool { return c.installed.version == c.version.String() }

// examine looks into one patch's file and holds it against the order and the asset. Refused says why it cannot be deployed; empty: it may be.
func (p *Platform) examine(ctx context.Context, db *database, s runner.Staged) (c candidate, refused string, err error) {
	c.index = s.Index
	_, arch, name, ok := debian.SplitProductID(s.Patch.Product)
	switch {
	case !ok:
		return c, fmt.Sprintf("%s is not a Debian package's product", s.Patch.Product), nil
	case len(s.Files) != 1:
		return c, fmt.Sprintf("a Debian package is one file, and this patch has %d", len(s.Files)), nil
	}
	c.name, c.arch, c.file = name, arch, s.Files[0]
	has, err := p.control(ctx, c.file)
	if err != nil {
		if ctx.Err() != nil {
			return c, "", ctx.Err()
		}
		return c, fmt.Sprintf("the file is no Debian package that dpkg-deb can read: %v", err), nil
	}
	c.own = has.arch
	if c.version, err = version.Parse(version.Debian, has.version); err != nil {
		return c, fmt.Sprintf("the file's version is not valid: %v", err), nil
	}
	if has.name != name || p.real(has.arch) != arch {
		return c, fmt.Sprintf("the file contains %s for %s, and the order is for %s for %s", has.name, has.arch, name, arch), nil
	}
	if order, ok := c.version.Compare(s.Patch.Version); !ok || order < 0 {
		return c, fmt.Sprintf("the file contains version %s, which is lower than %s that was ordered (CAT-7)", c.version, s.Patch.Version), nil
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

// control reads a package file's own words.
func (p *Platform) control(ctx context.Context, f *os.File) (entry, error) {
	cmd := p.tool(ctx, "dpkg-deb", "--show", "--showformat=${Package}\\n${Version}\\n${Architecture}\\n", "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.Output()
	if err != nil {
		return entry{}, fmt.Errorf("%w%s", err, stderrOf(err))
	}
	lines := strings.Split(string(out), "\n")
	if len(lines) != 4 {
		return entry{}, fmt.Errorf("dpkg-deb printed %q", lastLines(string(out), 200))
	}
	return entry{name: lines[0], version: lines[1], arch: lines[2]}, nil
}

// dropDoubles refuses all but the newest of several patches of one package.
func dropDoubles(cs []candidate) (kept []candidate, refused map[int]string) {
	refused = map[int]string{}
	best := map[string]int{}
	for i, c := range cs {
		key := c.name + ":" + c.arch
		j, ok := best[key]
		if !ok {
			best[key] = i
			continue
		}
		older := i
		if order, _ := c.version.Compare(cs[j].version); order > 0 {
			best[key], older = i, j
		}
		refused[cs[older].index] = fmt.Sprintf("the same order brings %s (CAT-14)", cs[best[key]])
	}
	for _, c := range cs {
		if _, no := refused[c.index]; !no {
			kept = append(kept, c)
		}
	}
	return kept, refused
}
