package scan

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Packages of the pool exist in every version, as x86_64 and i686, or noarch.
var (
	poolNames    = []string{"p0", "p1", "p2", "p3", "kernel", "replacer", "mod"}
	poolNoArch   = []string{"n0", "n1"}
	poolVersions = []string{"1-1", "1.1~rc1-1", "1.1-1", "1.1^git1-1", "2-1", "2-2", "1:0.5-1"}
)

// pool is a folder of packages that rpmbuild makes once for all systems.
type pool struct {
	dir string
	err error
}

// poolDir is removed after the tests. Empty: nothing was built.
var poolDir string

var rpmPool = sync.OnceValue(func() pool {
	dir, err := os.MkdirTemp("", "rpm-pool-")
	if err != nil {
		return pool{err: err}
	}
	poolDir = dir
	p := pool{dir: dir}
	if p.err = os.Mkdir(filepath.Join(dir, "rpms"), 0o755); p.err != nil { // two rpmbuilds at once get in each other's way when they make it
		return p
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan bool, 2)
	for _, v := range poolVersions {
		for _, arch := range []string{"x86_64", "i686"} {
			wg.Go(func() {
				slots <- true
				defer func() { <-slots }()
				if err := p.build(v, arch); err != nil {
					mu.Lock()
					defer mu.Unlock()
					p.err = err
				}
			})
		}
	}
	wg.Wait()
	return p
})

// build makes all packages of one version and architecture from one spec.
func (p pool) build(evr, arch string) error {
	epoch, rest, has := strings.Cut(evr, ":")
	if !has {
		epoch, rest = "0", epoch
	}
	ver, rel, _ := strings.Cut(rest, "-")
	spec := fmt.Sprintf("Name: pool\nEpoch: %s\nVersion: %s\nRelease: %s\nSummary: x\nLicense: x\n%%description\nx\n", epoch, ver, rel)
	for _, name := range slices.Concat(poolNames, poolNoArch) {
		fields := ""
		switch isNoArch := slices.Contains(poolNoArch, name); {
		case isNoArch && arch != "x86_64":
			continue
		case isNoArch:
			fields = "BuildArch: noarch\n"
		case name == "replacer":
			fields = "Obsoletes: p1 < 9\n"
		}
		spec += fmt.Sprintf("%%package -n %s\nSummary: the %s\n%s%%description -n %s\nx\n%%files -n %s\n", name, name, fields, name, name)
	}
	top := filepath.Join(p.dir, strings.ReplaceAll(evr, ":", "_")+arch) // a colon ends a name in a list of rcfiles
	if err := os.MkdirAll(top, 0o755); err != nil {
		return err
	}
	rc, file := filepath.Join(top, "rc"), filepath.Join(top, "pool.spec")
	for name, text := range map[string]string{rc: "buildarch_compat: x86_64: i686 noarch\n", file: spec} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	out, err := exec.Command("rpmbuild", "-bb", "--quiet", "--rcfile", "/usr/lib/rpm/rpmrc:"+rc, "--target", arch, "--define", "_topdir "+top,
		"--define", "_rpmdir "+filepath.Join(p.dir, "rpms"), "--define", "_build_name_fmt %%{NAME}_"+evr+".%%{ARCH}.rpm", file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("rpmbuild: %w: %s", err, out)
	}
	return nil
}

// file returns where a build is, in the pool.
func (p pool) file(b rpmBuild) string {
	return filepath.Join(p.dir, "rpms", b.name+"_"+b.evr+"."+b.arch+".rpm")
}

// rpmBuild is one package of the pool.
type rpmBuild struct{ name, evr, arch string }

// native is its name and architecture as the agent has them.
func (b rpmBuild) native() string {
	return b.name + "." + strings.Replace(b.arch, "noarch", "x86_64", 1)
}

// nevra is how dnf writes it.
func (b rpmBuild) nevra() string { return b.name + "-" + b.evr + "." + b.arch }
