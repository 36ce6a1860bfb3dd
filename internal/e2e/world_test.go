package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// world is a repository, a server that has it as its feed, and an asset with a
// tiny root.
type world struct {
	t      *testing.T
	root   string
	repo   *repository
	server *server
	asset  *asset
}

// newWorld gives the asset some packages, and the repository lists only those.
// The agent is enrolled and does not run yet.
func newWorld(t *testing.T, installed ...debroot.Deb) *world {
	t.Helper()
	return newWorldOf(t, func(r *repository) { r.publish(installed...) }, installed...)
}

// newWorldOf is newWorld with another first publication. The server syncs it
// when it starts.
func newWorldOf(t *testing.T, publish func(*repository), installed ...debroot.Deb) *world {
	t.Helper()
	need(t, debroot.Missing())
	dir := t.TempDir()
	w := &world{t: t, root: filepath.Join(dir, "root")}
	require.NoError(t, debroot.Tiny(t.Context(), w.root))
	var files []string
	for _, d := range installed {
		file, err := d.Build(t.Context(), dir)
		require.NoError(t, err)
		files = append(files, file)
	}
	require.NoError(t, debroot.Install(t.Context(), w.root, files...))
	w.repo = newRepository(t)
	publish(w.repo)
	w.server = newServer(t, w.repo.configure())
	w.asset = enrol(w.server, "asset", w.root)
	t.Cleanup(func() { letGo(t, w.root) })
	return w
}

// letGo ends what a killed agent left running: an installer in this root.
func letGo(t *testing.T, root string) {
	if err := os.WriteFile(filepath.Join(root, "go"), nil, 0o644); err != nil {
		t.Error(err)
	}
	await(t, "dpkg in "+root+" to end", func() bool { return installer(t, root) == 0 })
}

// enable saves a job for everything missing and starts it now.
func (w *world) enable(id job.ID) job.RunID {
	w.t.Helper()
	w.server.job(id, w.asset.name)
	return w.server.enable(id)
}

// run is enable, and waits for the end. The server and the agent's own journal
// must agree.
func (w *world) run(id job.ID) controller.RunAsset {
	w.t.Helper()
	a := w.server.ended(w.enable(id))
	agree(w.t, w.asset, a)
	return a
}

// agree compares what the server says of an order with the agent's own journal.
func agree(t *testing.T, by *asset, a controller.RunAsset) {
	t.Helper()
	own := by.result(a.Order)
	require.Equal(t, own.Result.String(), a.Result.String())
	require.Equal(t, own.Reboots, a.Reboots)
	var reported []job.PatchOutcome
	for _, p := range a.Patches {
		if p.Status != job.LeftOut { // the server's own verdict, which the agent never received
			reported = append(reported, p)
		}
	}
	require.Equal(t, asJSON(t, own.Patches), asJSON(t, reported), "the agent's journal and the server's results")
}

func asJSON(t *testing.T, patches []job.PatchOutcome) string {
	t.Helper()
	b, err := json.MarshalIndent(append([]job.PatchOutcome{}, patches...), "", "  ")
	require.NoError(t, err)
	return string(b)
}

// has wants dpkg to list a package at a version, without errors; empty: not at
// all.
func (w *world) has(name, version string) {
	w.t.Helper()
	got, err := debroot.Version(w.t.Context(), w.root, name)
	require.NoError(w.t, err)
	if version != "" {
		version = "ii  " + version
	}
	require.Equal(w.t, strings.Join(strings.Fields(version), " "), strings.Join(strings.Fields(got), " "), name)
}

// audit returns what dpkg finds wrong with a root; empty: nothing.
func audit(t *testing.T, root string) string {
	t.Helper()
	out, text, err := try(t, "dpkg", "--root="+root, "--audit")
	if err != nil && len(out) == 0 {
		return err.Error() + text
	}
	return strings.TrimSpace(string(out))
}

// outcome returns the outcome of one package's patch.
func outcome(t *testing.T, a controller.RunAsset, name string) job.PatchOutcome {
	t.Helper()
	for _, p := range a.Patches {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("%s has no outcome in %+v", name, a.Patches)
	return job.PatchOutcome{}
}

// succeeded wants a patch to have upgraded its package to a version.
func succeeded(t *testing.T, p job.PatchOutcome, version string) {
	t.Helper()
	require.Equal(t, job.Succeeded.String(), p.Status.String(), p.Text)
	require.Equal(t, version, p.Now.String())
	require.Zero(t, p.Code)
}

// failed wants a patch to have failed with a code.
func failed(t *testing.T, p job.PatchOutcome, code job.Code) {
	t.Helper()
	require.Equal(t, job.PatchFailed.String(), p.Status.String(), p.Text)
	require.Equal(t, code.String(), p.Code.String(), p.Text)
}

// deb returns a plain package.
func deb(name, version string) debroot.Deb {
	return debroot.Deb{Name: name, Version: version, Files: map[string]string{"usr/share/" + name + "/version": version + "\n"}}
}

// large returns a package whose file has some megabytes, even when compressed.
func large(name, version string) debroot.Deb { return largeOf(name, version, 3<<20) }

// largeOf is large with a given number of bytes.
func largeOf(name, version string, size int) debroot.Deb {
	noise := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(name + version))).Read(noise) // never fails
	d := deb(name, version)
	d.Files["usr/share/"+name+"/noise"] = string(noise)
	return d
}

// with adds a maintainer script.
func with(d debroot.Deb, script, text string) debroot.Deb {
	d.Scripts = map[string]string{script: text}
	return d
}
