package manifest_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

var (
	t0     = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	key    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	public = key.Public().(ed25519.PublicKey)
	pinned = manifest.NewVerifier(public)
)

const asset job.AssetID = "web-1"

// order returns a small valid order of asset. Its job has the given name.
func order(name string, start time.Time) job.Order {
	run := job.MakeRunID(job.ID(name), start)
	return job.Order{
		ID: job.MakeOrderID(run, asset), Job: job.ID(name), Run: run, Name: name, Revision: 1, Start: start,
		Post: []job.Action{{Name: "note", Command: []string{"/bin/true"}}},
	}
}

// patched adds a patch with every field set to an order.
func patched(t testing.TB, o job.Order) job.Order {
	v, err := version.Parse(version.Debian, "5.36.0-7+deb12u2")
	require.NoError(t, err)
	o.End = o.Start.Add(2 * time.Hour)
	o.Patches = []job.OrderPatch{{
		Patch: "debian:perl-base:amd64:5.36.0-7+deb12u2", Product: "debian:perl-base:amd64", Name: "perl-base", Version: v, LatestOnly: true,
		Files: []job.File{{
			Name: "perl-base.deb", URL: "https://vendor.example/perl-base.deb?a=1&b=<2>", Size: 1 << 20,
			Expect: integrity.Expectation{Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: strings.Repeat("0f", 32)}}},
		}},
	}}
	return o
}

// document returns a valid document with the given orders.
func document(orders ...job.Order) manifest.Document {
	return manifest.Document{
		Format: manifest.Format, Asset: asset, Revision: 7, Issued: t0, Expires: t0.Add(manifest.Lifetime), Orders: orders,
	}
}

func seal(t testing.TB, d manifest.Document) []byte {
	sealed, err := manifest.Seal(d, manifest.NewSigner(key))
	require.NoError(t, err)
	return sealed
}

// open opens as asset's agent, which holds revision 7, at t0.
func open(sealed []byte) (manifest.Document, error) {
	return manifest.Open(sealed, pinned, asset, 7, "", t0)
}

// jobs returns n orders an hour apart, in order.
func jobs(n int) (orders []job.Order) {
	for i := range n {
		orders = append(orders, order(fmt.Sprintf("job%03d", i), t0.Add(time.Duration(i)*time.Hour)))
	}
	return orders
}

func ids(orders ...job.Order) (ids []job.OrderID) {
	for _, o := range orders {
		ids = append(ids, o.ID)
	}
	return ids
}

func cancelled(o job.Order) job.Order {
	o.Cancelled = true
	return o
}
