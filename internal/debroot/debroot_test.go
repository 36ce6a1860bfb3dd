package debroot_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/stretchr/testify/require"
)

func need(t *testing.T, missing string) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: making roots takes a while; run without -short")
	}
	if missing == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
}

func TestTinyRootRunsMaintainerScripts(t *testing.T) {
	need(t, debroot.Missing())
	ctx, dir := t.Context(), t.TempDir()
	root := filepath.Join(dir, "root")
	require.NoError(t, debroot.Tiny(ctx, root))
	deb, err := debroot.Deb{Name: "demo", Version: "1:2-3", Scripts: map[string]string{"postinst": "touch /ran"},
		Files: map[string]string{"etc/demo.conf": "x\n"}, Conffiles: []string{"/etc/demo.conf"}}.Build(ctx, dir)
	require.NoError(t, err)
	require.NoError(t, debroot.Install(ctx, root, deb))
	require.FileExists(t, filepath.Join(root, "ran"))
	v, err := debroot.Version(ctx, root, "demo")
	require.NoError(t, err)
	require.Equal(t, "ii 1:2-3", v)
	v, err = debroot.Version(ctx, root, "absent")
	require.NoError(t, err)
	require.Empty(t, v)
}

func TestRealRootIsClean(t *testing.T) {
	need(t, debroot.MissingReal())
	root := filepath.Join(t.TempDir(), "root")
	require.NoError(t, debroot.Real(t.Context(), root))
	v, err := debroot.Version(t.Context(), root, "base-files")
	require.NoError(t, err)
	require.Contains(t, v, "ii ")
}
