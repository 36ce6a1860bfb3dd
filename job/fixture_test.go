package job

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func semver(t testing.TB, s string) version.Version {
	t.Helper()
	v, err := version.Parse(version.Semver, s)
	require.NoError(t, err)
	return v
}

var good = integrity.Digest{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", 1)}

// orderOf is an order of upgrades to 2.0.0 of the named products, each one file
// with a SHA-256 to meet.
func orderOf(t testing.TB, names ...string) Order {
	o := Order{ID: MakeOrderID(MakeRunID("nightly", epoch), "web-1"), Job: "nightly", Run: MakeRunID("nightly", epoch), Start: epoch}
	for _, name := range names {
		o.Patches = append(o.Patches, OrderPatch{
			Patch: catalog.PatchID(name + "-2"), Product: catalog.ProductID(name), Name: name, Version: semver(t, "2.0.0"),
			Files: []File{{Name: name + ".bin", URL: "https://vendor.example/" + name, Expect: integrity.Expectation{Digests: []integrity.Digest{good}}}},
		})
	}
	require.NoError(t, o.Validate())
	return o
}
