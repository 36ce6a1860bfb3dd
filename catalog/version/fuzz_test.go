package version_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/catalog/version/versiontest"
)

func FuzzParse(f *testing.F) {
	for scheme, rows := range rising {
		for _, row := range rows {
			f.Add(string(scheme), row[0])
		}
	}
	f.Add("", "1")
	f.Add("x-own", "6b:1")
	f.Fuzz(func(t *testing.T, scheme, text string) {
		v, err := version.Parse(version.Scheme(scheme), text)
		if (err == nil) == v.IsZero() {
			t.Fatalf("%q: version %v and error %v", text, v, err)
		}
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Fatalf("the message has %d bytes", len(err.Error()))
			}
			return
		}
		form, err := v.MarshalText()
		require.NoError(t, err)
		var back version.Version
		require.NoError(t, back.UnmarshalText(form))
		require.Equal(t, v, back)
		_ = v.Upstream()
	})
}

// FuzzCompare looks for three versions whose order breaks a law, and for two
// whose keys do not order them as the reference does.
func FuzzCompare(f *testing.F) {
	for scheme, rows := range rising {
		for i := range rows[2:] {
			f.Add(string(scheme), rows[i][0], rows[i+1][0], rows[i+2][0])
		}
	}
	f.Fuzz(func(t *testing.T, scheme, a, b, c string) {
		s := version.Scheme(scheme)
		u, errU := version.Parse(s, a)
		v, errV := version.Parse(s, b)
		w, errW := version.Parse(s, c)
		if errU != nil || errV != nil || errW != nil {
			return
		}
		versiontest.Lawful(t, u, v, w)
		if reference := references[s]; reference != nil && !longIdentifier(s, a+b) {
			order, _ := u.Compare(v)
			require.Equal(t, reference(a, b), order, "%s with %s", u, v)
		}
	})
}

// longIdentifier reports whether the reference of semver could take a number
// for a word, as it does over 64 bits.
func longIdentifier(s version.Scheme, text string) bool {
	return s == version.Semver && len(text) > 19
}
