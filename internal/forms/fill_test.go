package forms

import (
	"crypto/ed25519"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func semver(t testing.TB, text string) version.Version {
	v, err := version.Parse(version.Semver, text)
	require.NoError(t, err)
	return v
}

func digest(t testing.TB) integrity.Digest {
	d, err := integrity.ParseDigest("sha256:" + strings.Repeat("ab", 32))
	require.NoError(t, err)
	return d
}

// filled returns a T with every field set.
func filled[T any](t testing.TB) (v T) {
	fill(t, reflect.ValueOf(&v).Elem())
	return v
}

func fill(t testing.TB, v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = now
	case *time.Duration:
		*p = time.Second
	case *version.Version:
		*p = semver(t, "1.2.3")
	case *integrity.Digest:
		*p = digest(t)
	case *ed25519.PublicKey:
		*p = public
	case *integrity.Format:
		*p = integrity.PE
	case *[]byte:
		*p = []byte("x")
	case *catalog.Inventory:
		in := filled[catalog.Installed](t)
		in.Also = []catalog.ProductID{"y"} // of another channel
		var err error
		*p, err = catalog.NewInventory(catalog.Linux, []catalog.Installed{in})
		require.NoError(t, err)
	case *schedule.Span:
		*p = schedule.Span{From: now, Until: now.Add(time.Hour)}
	case *job.Order:
		fillFields(t, v)
		valid(t, p)
	default:
		switch v.Kind() {
		case reflect.Struct:
			fillFields(t, v)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(t, v.Index(0))
		case reflect.String:
			v.SetString("x")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(1)
		case reflect.Uint8, reflect.Uint64:
			v.SetUint(1)
		default:
			require.Fail(t, "no example", v.Type().String())
		}
	}
}

func fillFields(t testing.TB, v reflect.Value) {
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			fill(t, v.Field(i))
		}
	}
}
