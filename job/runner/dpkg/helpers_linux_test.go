package dpkg_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/patchpolicy/patchpolicy/job/runner/platformtest"
	"github.com/stretchr/testify/require"
)

// need skips aloud, and fails where CI=true, when Debian roots cannot be made
// here.
func need(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: dpkg at work takes a while; run without -short")
	}
	missing := debroot.Missing()
	if missing == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
}

// world is a tiny root with its platform.
type world struct {
	t    *testing.T
	root string
	debs string
	arch string
	p    *dpkg.Platform
}

func newWorld(t *testing.T, installed ...debroot.Deb) *world {
	t.Helper()
	need(t)
	dir := t.TempDir()
	w := &world{t: t, root: filepath.Join(dir, "root"), debs: filepath.Join(dir, "debs")}
	require.NoError(t, os.Mkdir(w.debs, 0o700))
	require.NoError(t, debroot.Tiny(t.Context(), w.root))
	var err error
	w.arch, err = debroot.Architecture(t.Context())
	require.NoError(t, err)
	var paths []string
	for _, d := range installed {
		paths = append(paths, w.build(d))
	}
	if len(paths) > 0 {
		require.NoError(t, debroot.Install(t.Context(), w.root, paths...))
	}
	w.p, err = dpkg.New(dpkg.Config{Root: w.root, LockWait: 2 * time.Second, Grace: time.Second})
	require.NoError(t, err)
	return w
}

func (w *world) build(d debroot.Deb) string {
	w.t.Helper()
	path, err := d.Build(w.t.Context(), w.debs)
	require.NoError(w.t, err)
	return path
}

func debVersion(t *testing.T, s string) version.Version {
	t.Helper()
	v, err := version.Parse(version.Debian, s)
	require.NoError(t, err)
	return v
}

func (w *world) product(name string) catalog.ProductID {
	return debian.ProductID("tiny", w.arch, name)
}

// order words an order for a package file.
func (w *world) order(d debroot.Deb) job.OrderPatch {
	id := w.product(d.Name)
	return job.OrderPatch{Patch: debian.PatchID(id, d.Version), Product: id, Name: d.Name, Version: debVersion(w.t, d.Version), Transaction: "dpkg",
		Files: []job.File{{Name: d.Name + ".deb"}}}
}

// staged builds a package and opens it, as the runner does.
func (w *world) staged(index int, d debroot.Deb) runner.Staged {
	w.t.Helper()
	return w.opened(index, w.order(d), w.build(d))
}

func (w *world) opened(index int, o job.OrderPatch, path string) runner.Staged {
	w.t.Helper()
	f, err := os.Open(path)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { f.Close() })
	return runner.Staged{Index: index, Patch: o, Files: []*os.File{f}}
}

func (w *world) patch(d debroot.Deb) platformtest.Patch {
	return platformtest.Patch{Order: w.order(d), Files: []string{w.build(d)}}
}

func (w *world) version(name string) string {
	w.t.Helper()
	v, err := debroot.Version(w.t.Context(), w.root, name)
	require.NoError(w.t, err)
	return v
}

func (w *world) deploy(patches ...runner.Staged) map[int]execution.InstallResult {
	w.t.Helper()
	outcomes, err := w.p.Install(w.t.Context(), patches, 0)
	require.NoError(w.t, err)
	require.Len(w.t, outcomes, len(patches))
	by := map[int]execution.InstallResult{}
	for _, o := range outcomes {
		by[o.Index] = o
	}
	return by
}

// refused runs Preflight and returns the refusals by index.
func (w *world) refused(patches ...runner.Staged) map[int]string {
	w.t.Helper()
	findings, err := w.p.Preflight(w.t.Context(), patches)
	require.NoError(w.t, err)
	by := map[int]string{}
	for _, f := range findings {
		if f.Refused != "" {
			by[f.Index] = f.Refused
		}
	}
	return by
}

// tree lists every file of the root with its content, to see that nothing
// changed.
func (w *world) tree() map[string]string {
	w.t.Helper()
	files := map[string]string{}
	require.NoError(w.t, filepath.WalkDir(w.root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, "/lock") || strings.HasSuffix(path, "/lock-frontend") {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	}))
	return files
}

func deb(name, v string, fields ...string) debroot.Deb {
	return debroot.Deb{Name: name, Version: v, Fields: fields, Files: map[string]string{"usr/share/" + name + "/version": v}}
}

func withScript(d debroot.Deb, name, text string) debroot.Deb {
	d.Scripts = map[string]string{name: text}
	return d
}
