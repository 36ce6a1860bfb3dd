package version_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

func TestTextForm(t *testing.T) {
	type doc struct {
		V version.Version `json:"v,omitzero"`
	}
	for scheme, rows := range rising {
		for _, row := range rows {
			for _, text := range row {
				in := doc{must(t, scheme, text)}
				data, err := json.Marshal(in)
				require.NoError(t, err)
				require.JSONEq(t, `{"v":"`+string(scheme)+":"+text+`"}`, string(data))
				var out doc
				require.NoError(t, json.Unmarshal(data, &out))
				require.Equal(t, in, out)
			}
		}
	}
	data, err := json.Marshal(doc{})
	require.NoError(t, err)
	require.Equal(t, "{}", string(data))
	full := doc{must(t, version.Dotted, "1")}
	require.NoError(t, json.Unmarshal([]byte(`{"v":""}`), &full))
	require.True(t, full.V.IsZero())
}

func TestTextFormRefuses(t *testing.T) {
	var v version.Version
	require.ErrorContains(t, v.UnmarshalText([]byte("1.2.3")), "it has no scheme")
	require.ErrorContains(t, v.UnmarshalText([]byte("semver:1.2")), "is not a semver version")
	var unknown *enum.UnknownError
	require.ErrorAs(t, v.UnmarshalText([]byte("zap:1.2")), &unknown)
	require.Error(t, v.UnmarshalText([]byte(":1")))
	require.True(t, v.IsZero(), "a failed reading leaves the version as it was")
}

func TestSchemes(t *testing.T) {
	for _, s := range append(version.Schemes(), "", "x-acme", "x-9-b") {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		back := version.Debian
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, s, back)
		require.Equal(t, s == "", s.Check() != nil)
	}
	for _, s := range []string{"Semver", "semver ", "x-", "x-A", "x-a.b", "x-é", "x-" + strings.Repeat("a", version.MaxScheme-1), "unknown", "zap"} {
		back := version.Debian
		var unknown *enum.UnknownError
		require.ErrorAs(t, back.UnmarshalText([]byte(s)), &unknown, s)
		require.Equal(t, version.Debian, back, "a failed reading leaves the scheme as it was")
		require.Equal(t, s, unknown.Value)
	}
	require.EqualError(t, version.Scheme("zap").Check(), `unknown version scheme "zap": want one of semver, debian, rpm, apk, dotted, loose, jdk, x-…`)
	var s version.Scheme
	require.NoError(t, enum.Unmarshal([]byte(`"zap"`), &s))
	require.Equal(t, version.Unknown, s, "a later release's (MAN-11)")
}
