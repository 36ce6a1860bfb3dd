package manifest_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestMaxOrders(t *testing.T) {
	d, err := open(seal(t, document(jobs(manifest.MaxOrders)...)))
	require.NoError(t, err)
	require.Len(t, d.Orders, manifest.MaxOrders)
	_, err = manifest.Seal(document(jobs(manifest.MaxOrders+1)...), manifest.NewSigner(key))
	require.ErrorContains(t, err, `orders "257"`)
}

// weighing returns a document with n orders and fill bytes of text in them.
func weighing(orders, fill int) manifest.Document {
	list := jobs(orders)
	for i := range list {
		for j := range 32 {
			words := []string{"/bin/true"}
			for range 100 {
				n := min(fill, 4000)
				fill -= n
				words = append(words, strings.Repeat("x", n))
			}
			list[i].Post = append(list[i].Post[:j], job.Action{Name: "fill", Command: words})
		}
	}
	return document(list...)
}

func TestMaxSealed_MAN5(t *testing.T) {
	base := len(seal(t, weighing(1, 0)))
	fill := (manifest.MaxSealed-base)/4*3 - 2
	var sealed []byte
	for { // grow by one byte until it no longer fits: base64 grows in steps of four
		next, err := manifest.Seal(weighing(1, fill), manifest.NewSigner(key))
		if err != nil {
			require.ErrorIs(t, err, manifest.ErrTooLarge)
			break
		}
		sealed, fill = next, fill+1
	}
	require.InDelta(t, manifest.MaxSealed, len(sealed), 3)
	_, err := open(sealed)
	require.NoError(t, err)

	full := append(sealed, strings.Repeat(" ", manifest.MaxSealed-len(sealed))...)
	d, err := open(full)
	require.Equal(t, manifest.BadSignature, refusal(t, d, err).Reason, "at the limit it is read")
	d, err = open(append(full, ' '))
	require.Equal(t, manifest.TooLarge, refusal(t, d, err).Reason, "one past it is not")
}

// another copies the order's first patch to another product with a name of the
// same length.
func another(o job.Order) job.OrderPatch {
	p := o.Patches[0]
	p.Product = catalog.ProductID(fmt.Sprintf("%s%04d", p.Product[:len(p.Product)-4], len(o.Patches)))
	return p
}

// MaxSealed holds the order that its comment promises.
func TestLargestOrdinaryOrderFits(t *testing.T) {
	o := patched(t, order("a", t0))
	for len(o.Patches) < job.MaxPatches {
		o.Patches = append(o.Patches, another(o))
	}
	require.Less(t, len(seal(t, document(o))), manifest.MaxSealed)

	var hundred []job.Order
	for _, o := range jobs(100) {
		o = patched(t, o)
		for len(o.Patches) < 20 {
			o.Patches = append(o.Patches, another(o))
		}
		hundred = append(hundred, o)
	}
	require.Less(t, len(seal(t, document(hundred...))), manifest.MaxSealed)
}

func TestMaxLifetime(t *testing.T) {
	d := document()
	d.Expires = d.Issued.Add(manifest.MaxLifetime)
	seal(t, d)
	d.Expires = d.Expires.Add(time.Second)
	_, err := manifest.Seal(d, manifest.NewSigner(key))
	require.Error(t, err)
}

func TestRenewalDue(t *testing.T) {
	require.False(t, manifest.RenewalDue(t0.Add(manifest.RenewBefore), t0.Add(-1)))
	require.True(t, manifest.RenewalDue(t0.Add(manifest.RenewBefore), t0))
	require.Less(t, manifest.RenewBefore, manifest.Lifetime)
	require.LessOrEqual(t, manifest.Lifetime, manifest.MaxLifetime)
}

func reports(from job.Sequence, n int) (list []job.Report) {
	for i := range n {
		list = append(list, job.Report{Sequence: from + job.Sequence(i), At: t0, Order: "a@20260131T120000Z/web-1", Progress: job.Received})
	}
	return list
}

func checkIn(change func(*manifest.CheckIn)) manifest.CheckIn {
	in := manifest.CheckIn{Asset: asset, At: t0}
	change(&in)
	return in
}

// inventoryOf reads an inventory of n products as a server does.
func inventoryOf(t *testing.T, n int) *catalog.Inventory {
	var inv catalog.Inventory
	require.NoError(t, json.Unmarshal([]byte(`{"installed":[{}`+strings.Repeat(",{}", n-1)+`]}`), &inv))
	return &inv
}

func TestCheckInValidate_MAN6(t *testing.T) {
	word := strings.Repeat("w", manifest.MaxWord)
	for _, c := range []struct {
		name   string
		in     manifest.CheckIn
		fields []string
	}{
		{"nothing to report", checkIn(func(*manifest.CheckIn) {}), nil},
		{"at every limit", checkIn(func(in *manifest.CheckIn) {
			in.Boot, in.Digest, in.Reports = word, word, reports(5, manifest.MaxReports)
			in.Inventory = inventoryOf(t, manifest.MaxInstalled)
		}), nil},
		{"past every limit", checkIn(func(in *manifest.CheckIn) {
			in.Boot, in.Digest, in.Reports = word+"w", word+"w", reports(5, manifest.MaxReports+1)
			in.Inventory = inventoryOf(t, manifest.MaxInstalled+1)
		}), []string{"boot", "digest", "reports", "inventory.installed"}},
		{"nothing at all", manifest.CheckIn{}, []string{"asset", "at"}},
		{"unprintable", checkIn(func(in *manifest.CheckIn) { in.Boot, in.Digest = "a\nb", "\xff" }), []string{"boot", "digest"}},
		{"unnumbered", checkIn(func(in *manifest.CheckIn) { in.Reports = reports(0, 2) }), []string{"reports[0].sequence"}},
		{"a gap", checkIn(func(in *manifest.CheckIn) { in.Reports = append(reports(1, 2), reports(4, 2)...) }), []string{"reports[2].sequence"}},
		{"one twice", checkIn(func(in *manifest.CheckIn) { in.Reports = append(reports(1, 2), reports(2, 1)...) }), []string{"reports[2].sequence"}},
		{"numbers at every limit", checkIn(func(in *manifest.CheckIn) {
			in.Held, in.Made, in.Offset = manifest.MaxNumber, manifest.MaxNumber, -manifest.MaxNumber
			in.Reports = reports(manifest.MaxNumber, 1)
		}), nil},
		{"numbers past every limit", checkIn(func(in *manifest.CheckIn) {
			in.Held, in.Made, in.Offset = manifest.MaxNumber+1, math.MaxUint64, math.MinInt64
			in.Reports = reports(manifest.MaxNumber+1, 1)
			in.Reports[0].Reboots, in.Reports[0].Actions = -1, []job.ActionOutcome{{Exit: math.MaxInt}}
		}), []string{"held", "made", "offset", "reports[0].sequence", "reports[0].reboots", "reports[0].actions[0].exit"}},
		{"backwards", checkIn(func(in *manifest.CheckIn) { in.Reports = append(reports(2, 1), reports(1, 1)...) }), []string{"reports[1].sequence"}},
	} {
		t.Run(c.name, func(t *testing.T) { requireFields(t, c.fields, c.in.Validate()) })
	}
}

func TestAnswerValidate_MAN12(t *testing.T) {
	for _, c := range []struct {
		name   string
		a      manifest.Answer
		fields []string
	}{
		{"ordinary", manifest.Answer{At: t0, Acknowledged: 7}, nil},
		{"at every limit", manifest.Answer{At: time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC), Acknowledged: manifest.MaxNumber}, nil},
		{"past every limit", manifest.Answer{At: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), Acknowledged: math.MaxUint64}, []string{"at", "acknowledged"}},
		{"no time", manifest.Answer{}, []string{"at"}},
		{"long ago", manifest.Answer{At: time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), Acknowledged: manifest.MaxNumber + 1}, []string{"at", "acknowledged"}},
		{"a huge manifest, which Open refuses", manifest.Answer{At: t0, Manifest: make([]byte, manifest.MaxSealed+1)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) { requireFields(t, c.fields, c.a.Validate()) })
	}
}

// No number in a manifest exceeds what every reader counts exactly. No revision
// follows the highest.
func TestNumbersOfADocument_MAN12(t *testing.T) {
	d := document(patched(t, order("a", t0)))
	d.Revision, d.Orders[0].Revision, d.Orders[0].Patches[0].Files[0].Size = manifest.MaxNumber, manifest.MaxNumber, manifest.MaxNumber
	require.NoError(t, d.Validate())
	d.Revision, d.Orders[0].Revision, d.Orders[0].Patches[0].Files[0].Size = manifest.MaxNumber+1, manifest.MaxNumber+1, manifest.MaxNumber+1
	requireFields(t, []string{"revision", "orders[0].revision", "orders[0].patches[0].files[0].size"}, d.Validate())
	d.Revision = math.MaxUint64
	_, err := manifest.Seal(d, manifest.NewSigner(key))
	require.Error(t, err)
}

func TestEnrolmentValidate(t *testing.T) {
	good := func(change func(*manifest.Enrolment)) manifest.Enrolment {
		e := manifest.Enrolment{Token: "secret", Asset: asset, Key: public, Platform: catalog.Linux, Architecture: "amd64", Hostname: "web-1.example"}
		change(&e)
		return e
	}
	for _, c := range []struct {
		name   string
		e      manifest.Enrolment
		fields []string
	}{
		{"good", good(func(*manifest.Enrolment) {}), nil},
		{"at every limit", good(func(e *manifest.Enrolment) {
			e.Token, e.Hostname = strings.Repeat("t", manifest.MaxToken), strings.Repeat("h", manifest.MaxWord)
		}), nil},
		{"past every limit", good(func(e *manifest.Enrolment) {
			e.Token, e.Hostname = strings.Repeat("t", manifest.MaxToken+1), strings.Repeat("h", manifest.MaxWord+1)
		}), []string{"token", "hostname"}},
		{"nothing at all", manifest.Enrolment{}, []string{"token", "asset", "key", "platform"}},
		{"all wrong", manifest.Enrolment{Token: "t", Asset: "a/b", Key: ed25519.PublicKey("short"), Platform: 99, Architecture: "\x00", Version: "\x1b[31m"},
			[]string{"asset", "key", "platform", "architecture", "version"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.e.Validate()
			requireFields(t, c.fields, err)
			if err != nil {
				require.NotContains(t, err.Error(), "tttt", "the token is a secret")
			}
		})
	}
}

func requireFields(t *testing.T, want []string, err error) {
	t.Helper()
	if want == nil {
		require.NoError(t, err)
		return
	}
	var invalid *job.Invalid
	require.ErrorAs(t, err, &invalid)
	var fields []string
	for _, p := range invalid.Problems {
		fields = append(fields, p.Field)
	}
	require.Equal(t, want, fields)
}
