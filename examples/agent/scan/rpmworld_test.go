package scan

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// notice is one advisory.
type notice struct {
	repo, id string
	cves     []string
	builds   []rpmBuild
}

// rpmWorld is a random RPM system with its repositories.
type rpmWorld struct {
	t         *testing.T
	rng       *rand.Rand
	dir, root string
	installed []rpmBuild
	repos     map[string][]rpmBuild
	notices   []notice
	modular   []rpmBuild
	main      string // settings that keep packages of all repositories back
	conf      string
	locks     string
}

func newRPMWorld(t *testing.T, seed uint64) *rpmWorld {
	w := &rpmWorld{t: t, rng: rand.New(rand.NewPCG(seed, 15)), dir: t.TempDir(), repos: map[string][]rpmBuild{}}
	w.root = filepath.Join(w.dir, "root")
	w.install()
	w.main = w.patterns(true)
	w.conf = "[main]\ngpgcheck=0\n" + w.main
	for _, id := range []string{"base", "updates", "third"}[:1+w.rng.IntN(3)] {
		w.repository(id)
	}
	for range w.rng.IntN(4) - 1 {
		name := pickOf(w.rng, []string{"p0", "p1", "p2", "n0", "p?", "kernel"})
		switch v := pickOf(w.rng, poolVersions); w.rng.IntN(4) {
		case 0:
			w.locks += "!" + name + "-" + v + ".*\n"
		case 1:
			w.locks += name + "\n"
		default:
			if !strings.Contains(v, ":") && w.rng.IntN(2) == 0 {
				v = "0:" + v
			}
			w.locks += name + "-" + v + ".*\n"
		}
	}
	w.writeSettings()
	return w
}

// writeSettings writes dnf's configuration. The plugin's own is outside of the
// root, because dnf takes its paths from the host.
func (w *rpmWorld) writeSettings() {
	w.write("root/etc/dnf/dnf.conf", w.conf)
	w.write("root/etc/dnf/plugins/versionlock.list", "# locks\n"+w.locks)
	w.write("root/etc/dnf/plugins/versionlock.conf", "[main]\nenabled = 1\nlocklist = /etc/dnf/plugins/versionlock.list\n")
	w.write("plugins/versionlock.conf", "[main]\nenabled = 1\nlocklist = "+filepath.Join(w.root, "etc/dnf/plugins/versionlock.list")+"\n")
}

func pickOf[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func (w *rpmWorld) write(name, text string) {
	name = filepath.Join(w.dir, name)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(w.t, os.WriteFile(name, []byte(text), 0o644))
}

func (w *rpmWorld) run(program string, args ...string) string {
	out, err := exec.Command(program, args...).CombinedOutput()
	require.NoError(w.t, err, "%s %q: %s", program, args, out)
	return string(out)
}

// archs returns the architectures in which the pool has a package.
func archs(name string) []string {
	if slices.Contains(poolNoArch, name) {
		return []string{"noarch"}
	}
	return []string{"x86_64", "i686"}
}

// install installs some packages, a few in both architectures and versions, and
// up to three kernels.
func (w *rpmWorld) install() {
	for _, name := range slices.Concat(poolNames, poolNoArch) {
		if w.rng.IntN(5) == 0 || name == "replacer" {
			continue
		}
		versions := 1
		if name == "kernel" {
			versions = 1 + w.rng.IntN(3)
		}
		for _, arch := range archs(name) {
			if arch == "i686" && (w.rng.IntN(2) == 0 || name == "kernel") {
				continue
			}
			for range versions {
				if b := (rpmBuild{name, pickOf(w.rng, poolVersions[:5]), arch}); !slices.Contains(w.installed, b) {
					w.installed = append(w.installed, b)
				}
			}
		}
	}
	w.installRPMs()
}

// installRPMs records the packages in rpm's database, without their files.
func (w *rpmWorld) installRPMs() {
	args := []string{"--root", w.root, "-i", "--justdb", "--nodeps", "--noscripts", "--ignorearch", "--replacefiles", "--replacepkgs", "--oldpackage"}
	for _, b := range w.installed {
		args = append(args, rpmPool().file(b))
	}
	require.NoError(w.t, os.MkdirAll(w.root, 0o755))
	w.run("rpm", args...)
}

// patterns are settings that keep packages back.
func (w *rpmWorld) patterns(main bool) (text string) {
	one := func() string {
		name := pickOf(w.rng, []string{"p0", "p1", "p2", "p3", "n0", "p[01]", "n*"})
		switch w.rng.IntN(4) {
		case 0:
			return name + "-" + pickOf(w.rng, poolVersions)
		case 1:
			return name + "." + pickOf(w.rng, []string{"x86_64", "i686", "noarch"})
		case 2:
			return name + "-" + strings.Split(pickOf(w.rng, poolVersions), "-")[0]
		}
		return name
	}
	if w.rng.IntN(3) == 0 {
		text += pickOf(w.rng, []string{"exclude", "excludepkgs"}) + "=" + one() + ", " + one() + "\n"
	}
	if w.rng.IntN(8) == 0 && !main || w.rng.IntN(20) == 0 {
		text += "includepkgs=" + one() + " p* " + one() + "\n"
	}
	return text
}

// hides reports whether the settings for all repositories keep a package back.
// They hide it from dnf where it is installed, too.
func (w *rpmWorld) hides(name, evr, arch string) bool {
	ver, _, _ := strings.Cut(evr, "-")
	hidden := false
	for line := range strings.Lines(w.main) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		matched := false
		for _, pattern := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
			for _, form := range []string{name, name + "." + arch, name + "-" + ver, name + "-" + evr} {
				is, _ := path.Match(pattern, form)
				matched = matched || is
			}
		}
		hidden = hidden || matched == strings.HasPrefix(key, "exclude")
	}
	return hidden
}

// repository makes a repository with some builds, advisories and a module.
func (w *rpmWorld) repository(id string) {
	for range 8 + w.rng.IntN(25) {
		name := pickOf(w.rng, slices.Concat(poolNames, poolNoArch))
		b := rpmBuild{name, pickOf(w.rng, poolVersions), pickOf(w.rng, archs(name))}
		if !slices.Contains(w.repos[id], b) {
			w.repos[id] = append(w.repos[id], b)
		}
	}
	w.publish(id, w.repos[id]...)
	w.advise(id)
	w.module(id)
	if w.rng.IntN(2) == 0 {
		w.conf += fmt.Sprintf("priority=%d\n", pickOf(w.rng, []int{1, 10, 99, 100}))
	}
	w.conf += w.patterns(false)
}

// publish makes a repository of some builds.
func (w *rpmWorld) publish(id string, builds ...rpmBuild) {
	dir := filepath.Join(w.dir, id)
	require.NoError(w.t, os.MkdirAll(dir, 0o755))
	for _, b := range builds {
		require.NoError(w.t, os.Symlink(rpmPool().file(b), filepath.Join(dir, filepath.Base(rpmPool().file(b)))))
	}
	w.run("createrepo_c", "-q", "--no-database", dir)
	w.conf += fmt.Sprintf("[%s]\nname=%s\nbaseurl=file://%s\n", id, id, dir)
}

// advise writes advisories, of listed builds and of others.
func (w *rpmWorld) advise(id string) {
	var text strings.Builder
	for i := range w.rng.IntN(6) {
		n := notice{repo: id, id: fmt.Sprintf("%s-%d", id, i)}
		for range w.rng.IntN(3) {
			n.cves = append(n.cves, fmt.Sprintf("CVE-2026-%d", w.rng.IntN(20)))
		}
		var packages, references strings.Builder
		for range 1 + w.rng.IntN(3) {
			b := pickOf(w.rng, w.repos[id])
			if w.rng.IntN(4) == 0 {
				b.evr = pickOf(w.rng, poolVersions)
			}
			if slices.Contains(n.builds, b) {
				continue
			}
			n.builds = append(n.builds, b)
			epoch, rest, has := strings.Cut(b.evr, ":")
			if !has {
				epoch, rest = "0", epoch
			}
			ver, rel, _ := strings.Cut(rest, "-")
			fmt.Fprintf(&packages, `<package name="%s" epoch="%s" version="%s" release="%s" arch="%s"><filename>x.rpm</filename></package>`, b.name, epoch, ver, rel, b.arch)
		}
		slices.Sort(n.cves)
		n.cves = slices.Compact(n.cves)
		for _, cve := range n.cves {
			fmt.Fprintf(&references, `<reference href="x" id="%s" type="cve" title="x"/>`, cve)
		}
		fmt.Fprintf(&text, `<update from="x" status="final" type="security" version="1"><id>%s</id><title>x</title><issued date="2026-05-01 10:00:00"/><updated date="2026-05-01 10:00:00"/><severity>%s</severity>`+
			`<references>%s</references><pkglist><collection short="x"><name>x</name>%s</collection></pkglist></update>`,
			n.id, pickOf(w.rng, []string{"Low", "Moderate", "Important", "Critical"}), references.String(), packages.String())
		w.notices = append(w.notices, n)
	}
	if text.Len() > 0 {
		w.write(id+"/updateinfo.xml", "<updates>"+text.String()+"</updates>")
		w.run("modifyrepo_c", filepath.Join(w.dir, id, "updateinfo.xml"), filepath.Join(w.dir, id, "repodata"))
	}
}

// module puts some builds into a module that no system has enabled.
func (w *rpmWorld) module(id string) {
	list := ""
	for _, b := range w.repos[id] {
		if b.name == "mod" && w.rng.IntN(2) == 0 {
			evr := b.evr
			if !strings.Contains(evr, ":") {
				evr = "0:" + evr
			}
			list += "    - mod-" + evr + "." + b.arch + "\n"
			w.modular = append(w.modular, b)
		}
	}
	if list == "" {
		return
	}
	w.write(id+"/modules.yaml", "---\ndocument: modulemd\nversion: 2\ndata:\n  name: mod\n  stream: \"1\"\n  version: 1\n  context: abc\n  arch: x86_64\n  summary: s\n  description: d\n"+
		"  license:\n    module:\n    - MIT\n  artifacts:\n    rpms:\n"+list+"...\n")
	w.run("modifyrepo_c", "--mdtype=modules", filepath.Join(w.dir, id, "modules.yaml"), filepath.Join(w.dir, id, "repodata"))
}

// dnf asks dnf about the system.
func (w *rpmWorld) dnf(args ...string) string {
	cmd := exec.Command("dnf", append([]string{"-q", "--installroot=" + w.root, "--releasever=1", "-c", filepath.Join(w.root, "etc/dnf/dnf.conf"), "--disableplugin=local",
		"--setopt=reposdir=" + filepath.Join(w.dir, "none"), "--setopt=pluginconfpath=" + filepath.Join(w.dir, "plugins")}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 100 { // 100: there are updates
		var stderr []byte
		if exit, is := err.(*exec.ExitError); is {
			stderr = exit.Stderr
		}
		require.NoError(w.t, err, "dnf %q: %s%s", args, out, stderr)
	}
	return string(out)
}

func rpmOrder(t *testing.T, a, b string) int {
	order, err := version.Compare(version.Rpm, a, b)
	require.NoError(t, err)
	return order
}

// newest returns the newest installed version by name and architecture.
func (w *rpmWorld) newest() map[string]string {
	all := map[string]string{}
	for _, b := range w.installed {
		if had, has := all[b.native()]; !has || rpmOrder(w.t, b.evr, had) > 0 {
			all[b.native()] = b.evr
		}
	}
	return all
}

// String shows the system.
func (w *rpmWorld) String() string {
	return fmt.Sprintf("%s\nlocks: %s\ninstalled: %v\nrepositories: %v\nadvisories: %v\nmodular: %v\n", w.conf, cmp.Or(w.locks, "none"), w.installed, w.repos, w.notices, w.modular)
}
