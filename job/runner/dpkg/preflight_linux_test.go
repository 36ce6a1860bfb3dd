package dpkg_test

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/stretchr/testify/require"
)

// base is what the preflight tests have installed: app needs lib, old breaks
// with a new lib.
func base() []debroot.Deb {
	return []debroot.Deb{
		deb("lib", "1"), deb("app", "1", "Depends: lib (>= 1)"), deb("old", "1", "Depends: lib (<< 3)"),
		deb("left", "1", "Depends: right (= 1)"), deb("right", "1", "Depends: left (= 1)"), deb("alone", "1"),
	}
}

func TestPreflightBlamesExactlyTheRightPatches_CAT5(t *testing.T) {
	w := newWorld(t, base()...)
	for _, c := range []struct {
		name    string
		order   []debroot.Deb
		refused map[int]string // index: a part of the text
	}{
		{"an upgrade that needs nothing", []debroot.Deb{deb("alone", "2")}, nil},
		{"a dependency met by the same order", []debroot.Deb{deb("app", "2", "Depends: lib (>= 2)"), deb("lib", "2")}, nil},
		{"a dependency met by nobody", []debroot.Deb{deb("app", "2", "Depends: lib (>= 2)"), deb("alone", "2")},
			map[int]string{0: "Depends: lib (>= 2) but 1 is to be installed"}},
		{"would bring in a new package", []debroot.Deb{deb("alone", "2"), deb("app", "2", "Depends: brandnew")},
			map[int]string{1: "Depends: brandnew but it is not installable"}},
		{"the new package in the same order", []debroot.Deb{deb("app", "2", "Depends: brandnew"), deb("brandnew", "1")},
			map[int]string{0: "brandnew", 1: "not installed, and nothing is installed for the first time"}},
		{"what needs a refused one is refused too", []debroot.Deb{deb("app", "2", "Depends: lib (>= 2)"), deb("lib", "2", "Depends: brandnew"), deb("alone", "2")},
			map[int]string{0: "lib (>= 2)", 1: "brandnew"}},
		{"would break an installed package", []debroot.Deb{deb("alone", "2"), deb("lib", "3")}, map[int]string{1: "old"}},
		{"would break it, and brings its upgrade", []debroot.Deb{deb("lib", "3"), deb("old", "2")}, nil},
		{"two that need each other", []debroot.Deb{deb("left", "2", "Depends: right (= 2)"), deb("right", "2", "Depends: left (= 2)"), deb("app", "2", "Depends: brandnew")},
			map[int]string{2: "brandnew"}},
		{"one of two that need each other", []debroot.Deb{deb("left", "2", "Depends: right (= 2)"), deb("alone", "2")}, map[int]string{0: "right"}},
		{"a conflict with an installed package", []debroot.Deb{deb("alone", "2", "Conflicts: app"), deb("lib", "2")}, map[int]string{0: "app"}},
		{"a downgrade", []debroot.Deb{deb("alone", "0.9"), deb("lib", "2")}, map[int]string{0: "version 1 is installed, which is newer"}},
		{"not installed", []debroot.Deb{deb("nowhere", "1")}, map[int]string{0: "CAT-3"}},
		{"two versions of one package", []debroot.Deb{deb("alone", "2"), deb("alone", "3")}, map[int]string{0: "the same order contains alone 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			before := w.tree()
			var patches []runner.Staged
			for i, d := range c.order {
				patches = append(patches, w.staged(i, d))
			}
			refused := w.refused(patches...)
			require.Len(t, refused, len(c.refused), "%v", refused)
			for i, text := range c.refused {
				require.Contains(t, refused[i], text)
			}
			require.Equal(t, before, w.tree(), "Preflight changed the root")
		})
	}
}

func TestPreflightRefusesHeldPackages_CAT5(t *testing.T) {
	w := newWorld(t, base()...)
	w.selections("alone hold")
	refused := w.refused(w.staged(0, deb("alone", "2")), w.staged(1, deb("lib", "2")))
	require.Len(t, refused, 1)
	require.Contains(t, refused[0], "apt-mark unhold alone")
}

func TestPreflightHoldsTheFileAgainstTheOrder_CAT7(t *testing.T) {
	w := newWorld(t, base()...)
	lower := w.opened(0, w.order(deb("alone", "3")), w.build(deb("alone", "2")))
	another := w.opened(1, w.order(deb("lib", "2")), w.build(deb("app", "2")))
	newer := w.opened(2, w.order(deb("app", "2")), w.build(deb("app", "2.1")))
	findings, err := w.p.Preflight(t.Context(), []runner.Staged{lower, another, newer})
	require.NoError(t, err)
	require.Len(t, findings, 3)
	require.Contains(t, findings[0].Refused, "the order is for 3 or newer")
	require.Contains(t, findings[1].Refused, "contains app")
	require.Empty(t, findings[2].Refused)
	require.Equal(t, "2.1", findings[2].Version.String())
}

func TestPreflightRefusesWhatIsNoDebianPatch(t *testing.T) {
	w := newWorld(t, base()...)
	foreign := w.staged(0, deb("alone", "2"))
	foreign.Patch.Product = "windows/editor"
	two := w.staged(1, deb("lib", "2"))
	two.Files = append(two.Files, two.Files[0])
	refused := w.refused(foreign, two)
	require.Contains(t, refused[0], "is not a Debian package")
	require.Contains(t, refused[1], "this patch has 2")
}
