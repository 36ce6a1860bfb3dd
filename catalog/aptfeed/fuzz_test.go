package aptfeed

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// Whatever a sources file says, every source can be used and every problem names its line.
func FuzzParseSources(f *testing.F) {
	for _, seed := range []string{
		"deb [arch=amd64 signed-by=/k] http://h/debian bookworm main", "deb file:/x ./", "deb-src http://h b main # c", "deb [a", "deb [ # ] x y z",
		"Types: deb\nURIs: http://h\nSuites: a b\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n x\n", "Enabled: no\n\nTypes:\n",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, in string, oneLine bool) {
		name := "x.sources"
		if oneLine {
			name = "x.list"
		}
		sources, problems := parse(name, in)
		for _, s := range sources {
			require.Equal(t, name, s.file)
			require.Positive(t, s.line)
			require.True(t, strings.HasSuffix(s.uri, "/"))
			require.NotEmpty(t, s.targets)
			again, _, problem := checkURI(s.uri)
			require.Empty(t, problem)
			require.Equal(t, s.uri, again)
			require.NotContains(t, s.base(), "..")
			require.NotEmpty(t, feedID(s.uri+" "+s.suite))
			require.NotContains(t, s.listName("Release"), "/")
			require.NotEmpty(t, s.authority("", "/etc/apt"))
		}
		for _, p := range problems {
			require.NotEmpty(t, p.Text)
			require.LessOrEqual(t, len(feedID(p.Error())), catalog.MaxID)
		}
	})
}

// Whatever InRelease holds, text is returned only if the trusted key signed it:
// here, only one text.
func FuzzOpenInRelease(f *testing.F) {
	keys, err := readKeys("", "testdata/gpg/key.asc")
	require.NoError(f, err)
	trusted := trustRing(f, keys)
	for _, name := range []string{"testdata/gpg/sha512.txt", "testdata/gpg/sha1.txt"} {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
		f.Add(data[:len(data)/2])
		f.Add(append([]byte("x\n"), data...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := signedRelease{text: data, where: "InRelease"}.verified(trusted, today)
		if err != nil {
			require.Nil(t, plain)
			return
		}
		require.Equal(t, "Suite: bookworm\r\n- dashed\r\nFrom here", string(plain))
		_, err = signedRelease{text: data, where: "InRelease"}.verified(new(openpgp.Verifier), today)
		require.Error(t, err, "nobody is trusted")
	})
}

func FuzzParseRelease(f *testing.F) {
	f.Add([]byte("Suite: a\nDate: Sat, 09 May 2026 08:07:06 UTC\nSHA256:\n " + strings.Repeat("0", 64) + " 5 main/binary-amd64/Packages\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rel, err := parseRelease(data, "h/x", "Release")
		if err != nil {
			return
		}
		require.True(t, !rel.date.IsZero() || len(rel.notes.List("")) > 0)
		for _, sum := range rel.files {
			require.GreaterOrEqual(t, sum.Size, int64(0))
			require.Len(t, sum.Digest.Sum, 2*sum.Digest.Algorithm.Size())
		}
	})
}

// Whatever a package list holds, what is taken of it is fit for the catalog
// apart from lengths, which the catalog checks.
func FuzzParsePackages(f *testing.F) {
	f.Add(deb("hare", "1:2-3", "amd64"))
	f.Add(deb("data", "3", "all") + "\n" + deb("hare", "1", "arm64"))
	f.Add("Package: x\n\nno field\n")
	f.Fuzz(func(t *testing.T, in string) {
		records, _, err := parser{channel: "bookworm", archs: []string{"amd64", "arm64"}, mixed: true}.packages(strings.NewReader(in))
		require.NoError(t, err)
		for _, r := range records {
			channel, arch, name, ok := debian.SplitProductID(r.product)
			require.True(t, ok)
			require.Equal(t, []string{"bookworm", r.arch, r.name}, []string{channel, arch, name})
			if p := r.patch(source{uri: "http://example.com/debian/"}); len(p.ID) <= catalog.MaxID && len(p.Artifacts[0].URL) <= catalog.MaxURL {
				require.Empty(t, p.Check())
			}
			require.Empty(t, r.listed("bookworm", "", "Debian:12").Check())
		}
	})
}
