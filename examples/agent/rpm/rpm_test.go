package rpm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// A pattern of dnf is a name, perhaps with version, release, architecture and
// epoch.
func TestPatterns_CAT5(t *testing.T) {
	o := offer{Patch: catalog.Patch{Version: version.MustParse(version.Rpm, "1:2.0-3.el9")}, name: "lib-x", own: "noarch"}
	for pattern, want := range map[string]bool{
		"lib-x": true, "lib*": true, "lib-[xy]": true, "lib-[!y]": true, "lib-x.noarch": true, "lib-x-2.0": true, "lib-x-1:2.0": true, "lib-x-2.0-3.el9": true,
		"lib-x-1:2.0-3.el9.noarch": true, "lib-x-2.0-3.el9.*": true, "lib": false, "lib-x.x86_64": false, "lib-x-0:2.0": false, "lib-x-2": false, "[": false, "": false,
	} {
		require.Equal(t, want, o.matches(pattern), "%s", pattern)
	}
	for pattern, want := range map[string]bool{"lib-x-9-1.*": true, "lib-x": true, "lib*": true, "other-1-1.*": false, "": false} {
		require.Equal(t, want, o.named(pattern), "%s", pattern)
	}
}

func TestSettings(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	write("etc/dnf/dnf.conf", "[main]\nexcludepkgs = a, b\n  c\nexclude=d\ninstallonlypkgs=mine\n")
	write("etc/yum.repos.d/x.repo", "# x\n[z]\npriority=5\nrepo_gpgcheck=1\ngpgkey=file:///k\n[off]\nenabled=0\n[a]\nincludepkgs=p*\n")
	write("etc/yum.repos.d/x.repo.rpmsave", "nonsense")
	write("etc/dnf/plugins/versionlock.conf", "[main]\nenabled=1\nlocklist=/etc/locks\n")
	write("etc/locks", "# one\nfoo-1-1.* # why\n\n!bar\n")
	s := &System{root: root}
	require.NoError(t, s.readSettings())
	require.Equal(t, []string{"a", "b", "c", "d"}, s.main.excludes)
	require.Empty(t, s.main.includes)
	require.Equal(t, []string{"mine"}, s.installOnly)
	require.Equal(t, []string{"foo-1-1.*", "!bar"}, s.locks)
	require.Len(t, s.Repos, 2)
	a, z := s.Repos[0], s.Repos[1]
	require.Equal(t, []string{"p*"}, a.includes)
	require.Equal(t, 99, a.Priority)
	require.False(t, a.Checked)
	require.Equal(t, 5, z.Priority)
	require.True(t, z.Checked)
	require.Equal(t, []string{"file:///k"}, z.Keys)

	for text, want := range map[string]string{"[a]\npriority=x\n": "its priority", "[a]\nnonsense\n": "want name=value"} {
		write("etc/yum.repos.d/bad.repo", text)
		require.ErrorContains(t, (&System{root: root}).readSettings(), want)
	}
	for n, bad := range map[int]bool{maxRepos - 2: false, maxRepos - 1: true} { // two are above
		var many strings.Builder
		for i := range n {
			fmt.Fprintf(&many, "[r%d]\n", i)
		}
		write("etc/yum.repos.d/bad.repo", many.String())
		require.Equal(t, bad, (&System{root: root}).readSettings() != nil)
	}
}

// What rpm prints is read, each name and architecture once, and what cannot be
// read is named.
func TestInstalled(t *testing.T) {
	s := &System{installOnly: []string{"kernel", "multiversion(kernel)"}}
	require.NoError(t, s.readInstalled([]byte(strings.Join([]string{
		"kernel\t(none)\t5\t1\tx86_64\t(none)\tkernel ", "kernel\t(none)\t6\t1\tx86_64\t(none)\tkernel ", "rt\t(none)\t6\t1\tx86_64\t(none)\trt multiversion(kernel) ",
		"data\t1\t6\t1\tnoarch\tnode:1\tdata ", "bad\t(none)\t$\t1\tx86_64\t(none)\tbad ", "gpg-pubkey\t(none)\t6\t1\t(none)\t(none)\t",
	}, "\n"))))
	require.Len(t, s.Installed, 3)
	require.Equal(t, Package{Name: "data", Arch: s.Native, Version: version.MustParse(version.Rpm, "1:6-1"), Module: "node:1"}, s.Installed[0])
	require.Equal(t, "6-1", s.Installed[1].Version.String())
	require.True(t, s.Installed[1].InstallOnly)
	require.True(t, s.Installed[2].InstallOnly)
	require.Len(t, s.LeftOut, 1)
}
