package rpmfeed

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// FuzzRepomd checks that whatever is accepted names files inside the repository
// with digests that carry trust (INT-7).
func FuzzRepomd(f *testing.F) {
	sum := strings.Repeat("0a", 32)
	f.Add([]byte(`<repomd><revision>1796086215</revision><data type="primary"><checksum type="sha256">` + sum + `</checksum><open-checksum type="sha256">` + sum +
		`</open-checksum><location href="repodata/a-primary.xml.gz"/><timestamp>1796086215</timestamp><size>534</size><open-size>1013</open-size></data></repomd>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseRepomd(text, "x")
		if err != nil {
			return
		}
		require.Contains(t, m.files, "primary")
		for _, file := range m.files {
			require.False(t, file.packed.Digest.Algorithm.Legacy())
			require.NotContains(t, file.href, "..")
			require.GreaterOrEqual(t, file.packed.Size, int64(0))
			require.Positive(t, file.plain.Size)
		}
		require.True(t, m.date.IsZero() || m.date.After(earliest) && m.date.Before(latest))
	})
}

// FuzzPrimary checks that the catalog takes every package that is not rejected
// (CAT-16).
func FuzzPrimary(f *testing.F) {
	f.Add("<metadata>" + pkg("hare", "1", "2~rc^1", "1", "noarch") + pkg("a/b", "x", "", "1", "x86_64") + "</metadata>")
	for _, seed := range []string{"<metadata><package>", "<metadata/>", "<metadata></metadata><metadata/>", "<!--x-->", "<metadata><x/><package/></metadata>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Config{Channel: "c", Architectures: []string{"x86_64"}}
		p := packages{config: &c, base: "https://acme.example/"}
		if p.read(strings.NewReader(text)) != nil {
			return
		}
		taken(t, catalog.Batch{Products: p.products, Patches: p.patches})
	})
}

// FuzzUpdateinfo checks the same of what advisories add to a package.
func FuzzUpdateinfo(f *testing.F) {
	f.Add("<updates>" + update("A", "security", "Important", []string{"CVE-1"}, fixed("hare", "0", "1", "1", "x86_64", "<reboot_suggested>1</reboot_suggested>")) + "</updates>")
	f.Fuzz(func(t *testing.T, text string) {
		c := Config{Channel: "c", Architectures: []string{"x86_64"}}
		p := packages{config: &c, base: "https://acme.example/"}
		if p.advice.read(strings.NewReader(text), &c) != nil {
			return
		}
		for _, a := range p.advice.advisories {
			require.NotEmpty(t, a.Fixes)
			require.LessOrEqual(t, len(a.CVEs), catalog.MaxCVEs)
			for _, fix := range a.Fixes {
				require.False(t, fix.Fixed.IsZero())
			}
		}
		require.NoError(t, p.read(strings.NewReader("<metadata>"+pkg("hare", "0", "1", "1", "x86_64")+"</metadata>")))
		taken(t, catalog.Batch{Products: p.products, Patches: p.patches})
	})
}

func FuzzModules(f *testing.F) {
	for _, seed := range []string{"- a-0:1-1.x86_64", "---\ndocument: modulemd\nversion: 2\ndata:\n  name: node\n  stream: \"12\"\n  artifacts:\n    rpms:\n    - node-1:12.0-1.module+el9.x86_64\n" +
		"    - 'node-docs-1:12.0-1.module+el9.noarch'\n...\n", "rpms: [a-b-c-10:1~rc^2-1.el9.i686, \"d-0:1-2.src\"]", "a-:1-1.x", "-1:1-1.x", "a-0:1.x", "a-0:-1.x", "a-x:1-1.x", "a-0:1-1."} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := modular(io.Reader(bytes.NewReader(text)))
		require.True(t, err != nil || len(found) <= len(text)/8)
		for b := range found {
			require.True(t, b.name != "" && b.evr != "" && strings.Contains(b.evr, "-"), "%+v", b)
		}
	})
}

// taken checks that the catalog rejects nothing.
func taken(t *testing.T, b catalog.Batch) {
	t.Helper()
	b.Feed = "rpm:c"
	_, changes := catalog.Sync(nil, []catalog.Batch{b}, time.Unix(0, 0))
	require.Empty(t, changes.Rejected)
	require.Len(t, changes.Added, len(b.Patches))
}
