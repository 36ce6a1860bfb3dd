package folder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/platformtest"
)

// TestMain makes the test's own binary usable as the command of an action:
// "BINARY exit 11".
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "exit" {
		fmt.Println("exit", os.Args[2])
		code, err := strconv.Atoi(os.Args[2])
		if err != nil {
			panic(err)
		}
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func TestPlatform(t *testing.T) {
	own, err := os.Executable()
	require.NoError(t, err)
	platformtest.Run(t, func(t *testing.T) platformtest.Subject {
		p, err := Open(Config{Dir: t.TempDir()})
		require.NoError(t, err)
		require.NoError(t, p.Setup("reader", semver(t, "1.5.0")))
		require.NoError(t, p.Setup("editor", semver(t, "2.0.0")))
		patch := func(p Patch) platformtest.Patch {
			p.Format = Format
			file, err := p.File([]byte("content\n"))
			require.NoError(t, err)
			return written(t, p.Product, p.Version, file)
		}
		return platformtest.Subject{
			Platform: p,
			Good:     patch(Patch{Product: "reader", Version: semver(t, "1.6.0")}),
			Other:    patch(Patch{Product: "editor", Version: semver(t, "2.1.0")}),
			Broken:   patch(Patch{Product: "reader", Version: semver(t, "1.6.0"), Fails: "the disk is upside down"}),
			Hangs:    patch(Patch{Product: "editor", Version: semver(t, "2.1.0"), Millis: 60_000}),
			Absent:   patch(Patch{Product: "office", Version: semver(t, "1.0.0")}),
			Older:    patch(Patch{Product: "reader", Version: semver(t, "1.4.0")}),
			NotAFile: written(t, "reader", semver(t, "1.6.0"), []byte("MZ\x90\n")),
			Exit: func(code int) job.Action {
				return job.Action{Name: "exit", Command: []string{own, "exit", strconv.Itoa(code)}}
			},
			Missing: job.Action{Name: "missing", Command: []string{"./no-such-program"}},
		}
	})
}

func written(t *testing.T, product catalog.ProductID, v version.Version, file []byte) platformtest.Patch {
	t.Helper()
	name := filepath.Join(t.TempDir(), "patch")
	require.NoError(t, os.WriteFile(name, file, 0o600))
	return platformtest.Patch{
		Order: job.OrderPatch{Patch: "p", Product: product, Name: string(product), Version: v, Files: []job.File{{Name: "patch"}}},
		Files: []string{name},
	}
}

func semver(t *testing.T, text string) version.Version {
	t.Helper()
	v, err := version.Parse(version.Semver, text)
	require.NoError(t, err)
	return v
}

func openFolder(t *testing.T) (*Platform, *int) {
	t.Helper()
	restarts := 0
	p, err := Open(Config{Dir: filepath.Join(t.TempDir(), "disk"), Restart: func() { restarts++ }})
	require.NoError(t, err)
	return p, &restarts
}

// stage writes a patch file and opens it as the runner does.
func stage(t *testing.T, ordered catalog.ProductID, text string) runner.Staged {
	t.Helper()
	name := filepath.Join(t.TempDir(), "staged")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return runner.Staged{Index: 3, Patch: job.OrderPatch{Product: ordered}, Files: []*os.File{f}}
}

func patchFile(t *testing.T, product, v string) string {
	t.Helper()
	file, err := Patch{Format: Format, Product: catalog.ProductID(product), Version: semver(t, v)}.File([]byte("content\n"))
	require.NoError(t, err)
	return string(file)
}

func TestDeployUpgradesAndNothingElse_CAT3(t *testing.T) {
	for _, c := range []struct {
		name, ordered, file, refused string
	}{
		{"an upgrade", "reader", patchFile(t, "reader", "2.0.0"), ""},
		{"the same version again, after a cut (JOB-17)", "reader", patchFile(t, "reader", "1.5.0"), ""},
		{"a downgrade", "reader", patchFile(t, "reader", "1.4.9"), "reader 1.5.0 is installed, and 1.4.9 is not an upgrade of it"},
		{"a product that is not installed", "editor", patchFile(t, "editor", "1.0.0"), "editor is not installed"},
		{"another product than ordered", "reader", patchFile(t, "editor", "9.0.0"), "the file is a patch for editor, and reader was ordered"},
		{"no patch at all", "reader", "MZ\x90\n", "not a folder patch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := openFolder(t)
			require.NoError(t, p.Setup("reader", semver(t, "1.5.0")))
			before, err := p.Inventory(t.Context())
			require.NoError(t, err)
			staged := []runner.Staged{stage(t, catalog.ProductID(c.ordered), c.file)}

			results, err := p.Preflight(t.Context(), staged)
			require.NoError(t, err)
			require.Len(t, results, 1)
			require.Equal(t, 3, results[0].Index)
			outcomes, err := p.Install(t.Context(), staged, 0)
			require.NoError(t, err)
			require.Len(t, outcomes, 1)
			require.Equal(t, 3, outcomes[0].Index)
			after, err := p.Inventory(t.Context())
			require.NoError(t, err)

			if c.refused != "" {
				require.Contains(t, results[0].Refused, c.refused)
				require.Equal(t, job.InstallerFailed, outcomes[0].Code)
				require.Contains(t, outcomes[0].Text, c.refused)
				require.Equal(t, before, after)
				return
			}
			require.Empty(t, results[0].Refused)
			require.Zero(t, outcomes[0].Code)
			found, _ := after.Find("reader")
			require.Equal(t, results[0].Version, found.Version)
			content, err := os.ReadFile(p.path("products/reader"))
			require.NoError(t, err)
			require.Equal(t, "content\n", string(content))
		})
	}
}

func TestRebootIsANewBootAndTakesTheMarkAway_RBT2_RBT8(t *testing.T) {
	p, restarts := openFolder(t)
	require.NoError(t, p.Setup("kernel", semver(t, "6.0.0")))
	first, err := p.Status(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, first.BootID)
	require.False(t, first.RebootRequired)

	file, err := Patch{Format: Format, Product: "kernel", Version: semver(t, "6.1.0"), Reboot: true}.File(nil)
	require.NoError(t, err)
	outcomes, err := p.Install(t.Context(), []runner.Staged{stage(t, "kernel", string(file))}, 0)
	require.NoError(t, err)
	require.Equal(t, []execution.InstallResult{{Index: 3, Reboot: true}}, outcomes)
	marked, err := p.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.BootID, marked.BootID)
	require.True(t, marked.RebootRequired)

	require.NoError(t, p.Reboot(t.Context()))
	require.Equal(t, 1, *restarts)
	again, err := p.Status(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, first.BootID, again.BootID)
	require.False(t, again.RebootRequired)

	journal, err := p.Journal()
	require.NoError(t, err)
	require.Equal(t, []string{"installed kernel 6.0.0", "installed kernel 6.1.0", "rebooted"}, journal)

	reopened, err := Open(p.cfg)
	require.NoError(t, err)
	same, err := reopened.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, again, same, "a restart of the agent is not a reboot")
}

func TestACutInstallationLeavesTheOldVersion(t *testing.T) {
	p, _ := openFolder(t)
	require.NoError(t, p.Setup("reader", semver(t, "1.0.0")))
	file, err := Patch{Format: Format, Product: "reader", Version: semver(t, "2.0.0"), Millis: MaxMillis}.File(nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	p.cfg.Hold = func(context.Context, catalog.ProductID) { cancel() } // the installation has begun
	outcomes, err := p.Install(ctx, []runner.Staged{stage(t, "reader", string(file))}, 0)
	require.NoError(t, err)
	require.Equal(t, job.InstallerFailed, outcomes[0].Code)
	inv, err := p.Inventory(t.Context())
	require.NoError(t, err)
	found, _ := inv.Find("reader")
	require.Equal(t, "1.0.0", found.Version.String())
}

func TestOpenRefusesAnUnreadableDisk(t *testing.T) {
	_, err := Open(Config{})
	require.ErrorContains(t, err, "Dir is missing")
	p, _ := openFolder(t)
	require.NoError(t, os.WriteFile(p.path("versions.json"), []byte(`{"reader":"nonsense"}`), 0o600))
	_, err = Open(p.cfg)
	require.ErrorContains(t, err, "versions.json")
}

func TestReadPatchNamesEveryProblem(t *testing.T) {
	for text, want := range map[string][]string{
		`{"format":"x","product":"../x","millis":-1}` + "\n": {"format", "product", "version", "millis"},
		`{"format":"folder-patch-1","extra":1}` + "\n":       {"extra"},
		`{} {}` + "\n":                   {"more follows"},
		"{}":                             {"does not end within 1024 bytes"},
		strings.Repeat(" ", 2000) + "\n": {"does not end within 1024 bytes"},
		"\n":                             {"not the JSON"},
	} {
		_, _, err := ReadPatch(strings.NewReader(text))
		require.ErrorContains(t, err, "not a folder patch: ", "%q", text)
		for _, w := range want {
			require.ErrorContains(t, err, w)
		}
	}
	_, err := Patch{}.File(nil)
	require.ErrorContains(t, err, "not a folder patch: ", "what cannot be read is not written")
}

// FuzzReadPatch writes what it reads as a patch, and reads the same patch
// again.
func FuzzReadPatch(f *testing.F) {
	f.Add(`{"format":"folder-patch-1","product":"reader","version":"semver:2.0.1","millis":1500,"reboot":true}` + "\ncontent")
	f.Add("{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, _, err := ReadPatch(strings.NewReader(text))
		if err != nil {
			require.ErrorContains(t, err, "not a folder patch: ")
			return
		}
		file, err := p.File([]byte("x"))
		require.NoError(t, err)
		again, _, err := ReadPatch(strings.NewReader(string(file)))
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}
