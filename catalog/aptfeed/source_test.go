package aptfeed

import (
	"fmt"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
)

// parse parses one sources file.
func parse(name, text string) ([]source, []Problem) {
	l := &list{archs: []string{"amd64", "i386"}}
	l.file(name, text)
	return l.sources, l.problems
}

// render writes sources and problems as text, one per line.
func render(sources []source, problems []Problem) string {
	var b strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&b, "%d %s %s", s.line, s.uri, s.suite)
		for _, t := range s.targets {
			fmt.Fprintf(&b, " %s%v", t.component, t.archs)
		}
		if len(s.signedBy) > 0 {
			fmt.Fprintf(&b, " by %s", strings.Join(s.signedBy, ","))
		}
		if s.keys != "" {
			fmt.Fprintf(&b, " keys %q", s.keys)
		}
		if s.byHash != "" {
			b.WriteString(" by-hash " + s.byHash)
		}
		if s.maxAge > 0 {
			fmt.Fprintf(&b, " for %v", s.maxAge)
		}
		if s.listsOnly != "" {
			b.WriteString(" of lists: " + s.listsOnly)
		}
		b.WriteString("\n")
	}
	for _, p := range problems {
		fmt.Fprintf(&b, "%s refused=%v\n", p.Error(), p.Refused)
	}
	return b.String()
}

func TestOneLineSources(t *testing.T) {
	const fp = "0123456789ABCDEF0123456789abcdef01234567"
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"comments and blanks", "# x\n\n  \t\n   # deb y\n", ""},
		{"plain", "deb http://h/debian bookworm main contrib\n", "1 http://h/debian/ bookworm main[amd64 i386] contrib[amd64 i386]\n"},
		{"no newline, tabs, comment after", "\tdeb\thttp://h/debian/\tbookworm\tmain # x", "1 http://h/debian/ bookworm main[amd64 i386]\n"},
		{"source code is left out", "deb-src http://h/debian bookworm main\n", ""},
		{"architectures", "deb [arch=arm64,riscv64] http://h bookworm main", "1 http://h/ bookworm main[arm64 riscv64]\n"},
		{"architectures added and taken", "deb [arch+=arm64 arch-=i386] http://h bookworm main", "1 http://h/ bookworm main[amd64 arm64]\n"},
		{"blanks in brackets", "deb [ arch=amd64   lang=none target-=x pdiffs=no ] http://h bookworm main", "1 http://h/ bookworm main[amd64]\n"},
		{"keyrings", "deb [signed-by=/a.gpg,/b.asc," + fp + "!] http://h b main", "1 http://h/ b main[amd64 i386] by /a.gpg,/b.asc," + strings.ToUpper(fp) + "!\n"},
		{"by-hash", "deb [by-hash=no] http://h a main\ndeb [by-hash=force] http://h b main\ndeb [by-hash=yes] http://h c main",
			"1 http://h/ a main[amd64 i386] by-hash never\n2 http://h/ b main[amd64 i386] by-hash always\n3 http://h/ c main[amd64 i386]\n"},
		{"file and copy", "deb file:/srv/r b main\ndeb file:///srv/r c main\ndeb copy:/srv/r d main", "1 file:///srv/r/ b main[amd64 i386]\n2 file:///srv/r/ c main[amd64 i386]\n3 file:///srv/r/ d main[amd64 i386]\n"},
		{"flat", "deb http://h ./\ndeb http://h sub/", "1 http://h/ ./ [amd64 i386]\n2 http://h/ sub/ [amd64 i386]\n"},
		{"one suite twice", "deb http://h b main\ndeb http://h/ b contrib", "1 http://h/ b main[amd64 i386] contrib[amd64 i386]\n"},
		{"options disagree", "deb http://h b main\ndeb [signed-by=/k] http://h/ b contrib",
			"1 http://h/ b main[amd64 i386]\nx.list:2: http://h/ b is configured at x.list:1 with other options (signed-by, by-hash): make them agree refused=true\n"},
		{"unknown type", "rpm http://h b main", "x.list:1: unknown type \"rpm\": want deb or deb-src refused=true\n"},
		{"too few words", "deb http://h\ndeb", "x.list:1: want \"deb URI suite component…\", not \"deb http://h\" refused=true\nx.list:2: want \"deb URI suite component…\", not \"deb\" refused=true\n"},
		{"no component", "deb http://h b", "x.list:1: the entry names no component for the suite \"b\" refused=true\n"},
		{"component of a flat repository", "deb http://h ./ main", "x.list:1: the suite \"./\" ends in \"/\", which means a flat repository, which has no components: remove \"main\" or the slash refused=true\n"},
		{"open bracket", "deb [arch=amd64 http://h b main", "x.list:1: the options have no closing bracket refused=true\n"},
		{"bad option", "deb [arch] http://h b main\ndeb [=x] http://h c main", "x.list:1: the option \"arch\" is not of the form name=value refused=true\nx.list:2: the option \"=x\" is not of the form name=value refused=true\n"},
		{"unknown option", "deb [colour=red] http://h b main", "1 http://h/ b main[amd64 i386]\nx.list:1: the unknown option \"colour\" is ignored refused=false\n"},
		{"trusted", "deb [trusted=yes] http://h b main", "x.list:1: trusted=yes is refused, because a feed uses only what it can verify: sign the repository and name its key in signed-by refused=true\n"},
		{"checks cannot be switched off", "deb [allow-insecure=yes check-valid-until=no] http://h b main",
			"1 http://h/ b main[amd64 i386]\nx.list:1: the option allow-insecure is ignored: signatures and dates are always checked refused=false\nx.list:1: the option check-valid-until is ignored: signatures and dates are always checked refused=false\n"},
		{"what would change what is offered", "deb [inrelease-path=x snapshot=2025 by-hash=maybe] http://h b main\ndeb [snapshot=no] http://h c main",
			"2 http://h/ c main[amd64 i386]\nx.list:1: the option inrelease-path is not supported refused=true\nx.list:1: snapshots are not supported refused=true\nx.list:1: by-hash is yes, no or force, not \"maybe\" refused=true\n"},
		{"bad architecture", "deb [arch=AMD64] http://h b main", "x.list:1: \"AMD64\" is not an architecture refused=true\n"},
		{"bad keys", "deb [signed-by=key.gpg] http://h b main\ndeb [signed-by=] http://h b main\ndeb [signed-by+=/k] http://h b main",
			"x.list:1: signed-by names \"key.gpg\": want the absolute path of a keyring or a fingerprint of 40 hex digits refused=true\nx.list:2: signed-by names no key refused=true\nx.list:3: signed-by can only be set with =, not += or -= refused=true\n"},
		{"bad suites", "deb http://h ../x main\ndeb http://h /x/ \ndeb http://h $(X)/ ", "x.list:1: \"../x\" is not a suite refused=true\nx.list:2: \"/x/\" is not a suite refused=true\nx.list:3: \"$(X)/\" is not a suite refused=true\n"},
		{"bad component", "deb http://h b ../main", "x.list:1: \"../main\" is not a component refused=true\n"},
		{"bad URIs", "deb h b main\ndeb http:/x b main\ndeb file:x b main\ndeb file://h/x b main\ndeb http://h/?q b main\ndeb http://h:x b main",
			`x.list:1: "h" is not a URI refused=true
x.list:2: "http:/x" names no host refused=true
x.list:3: "file:x": want an absolute path, as in file:///srv/repository refused=true
x.list:4: "file://h/x": want an absolute path, as in file:///srv/repository refused=true
x.list:5: "http://h/?q" has a query or fragment: remove it refused=true
x.list:6: "http://h:x" is not a URI refused=true
`},
		{"what only apt can fetch", "deb ftp://h b main\ndeb http://u:p@h/x b main\ndeb http://token@h:80 b main\ndeb mirror+file:/etc/m.txt b main\ndeb ar+https://h/x b main\ndeb cdrom:[Debian GNU/Linux 12]/ b main",
			`1 ftp://h/ b main[amd64 i386] of lists: "ftp://h": the scheme ftp is not supported: want http, https, file or copy
2 http://h/x/ b main[amd64 i386] of lists: a user or password in the URI is not supported, because every agent would get it with the addresses of packages
3 http://h:80/ b main[amd64 i386] of lists: a user or password in the URI is not supported, because every agent would get it with the addresses of packages
4 mirror+file:/etc/m.txt/ b main[amd64 i386] of lists: "mirror+file:/etc/m.txt": the scheme mirror+file is not supported: want http, https, file or copy
5 ar+https://h/x/ b main[amd64 i386] of lists: "ar+https://h/x": the scheme ar+https is not supported: want http, https, file or copy
6 cdrom:[Debian GNU/Linux 12]/ b main[amd64 i386] of lists: "cdrom:[Debian GNU/Linux 12]/": the scheme cdrom is not supported: want http, https, file or copy
`},
		{"$(ARCH)", "deb http://h/$(ARCH) /\ndeb http://h/x b-$(ARCH) main", "1 http://h/amd64/ / [amd64 i386]\n2 http://h/x/ b-amd64 main[amd64 i386]\n"},
		{"quotes", `deb [signed-by="/a.gpg"] http://h a main` + "\n" + `deb ["arch=amd64" "signed-by=/k"] "http://h" b "main"` + "\n" + `deb [signed-by=/a%2bb] http://h/x%20y c main` + "\n" + `deb [signed-by="/k] http://h d main`,
			"1 http://h/ a main[amd64 i386] by /a.gpg\n2 http://h/ b main[amd64] by /k\n3 http://h/x%20y/ c main[amd64 i386] by /a+b\nx.list:4: a quote or bracket in the options is not closed refused=true\n"},
		{"of repeated options the last", "deb [signed-by=/a arch=i386 signed-by=/b arch=amd64] http://h b main\ndeb [signed-by=/a trusted=yes signed-by=b] http://h c main",
			"1 http://h/ b main[amd64] by /b\nx.list:2: trusted=yes is refused, because a feed uses only what it can verify: sign the repository and name its key in signed-by refused=true\nx.list:2: signed-by names \"b\": want the absolute path of a keyring or a fingerprint of 40 hex digits refused=true\n"},
		{"age", "deb [valid-until-max=86400 x-ours=stable,x] http://h b main\ndeb [valid-until-max=1d] http://h c main",
			"1 http://h/ b main[amd64 i386] for 24h0m0s\nx.list:2: valid-until-max is a number of seconds, not \"1d\" refused=true\n"},
		{"a bad line costs only itself", "nonsense\ndeb http://h b main", "2 http://h/ b main[amd64 i386]\nx.list:1: want \"deb URI suite component…\", not \"nonsense\" refused=true\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, render(parse("x.list", tt.in)))
		})
	}
}

func TestDeb822Sources(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Types: deb\nURIs: http://h/debian\nSuites: bookworm\nComponents: main\n", "1 http://h/debian/ bookworm main[amd64 i386]\n"},
		{"products", "# here\n\nTypes: deb deb-src\nURIs: http://h http://g\nSuites: a b\n\tc\nComponents: main contrib\nArchitectures: amd64\n",
			"3 http://h/ a main[amd64] contrib[amd64]\n3 http://h/ b main[amd64] contrib[amd64]\n3 http://h/ c main[amd64] contrib[amd64]\n3 http://g/ a main[amd64] contrib[amd64]\n3 http://g/ b main[amd64] contrib[amd64]\n3 http://g/ c main[amd64] contrib[amd64]\n"},
		{"names in any case", "types: deb\nuris: http://h\nSUITES: ./\n", "1 http://h/ ./ [amd64 i386]\n"},
		{"disabled", "Enabled: no\nTypes: deb\nURIs: http://h\nSuites: b\nComponents: main\n", ""},
		{"enabled", "Enabled: yes\nTypes: deb\nURIs: http://h\nSuites: b\nComponents: main\n", "1 http://h/ b main[amd64 i386]\n"},
		{"architectures added and taken", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\nArchitectures-Add: arm64\nArchitectures-Remove: i386\n", "1 http://h/ b main[amd64 arm64]\n"},
		{"keyring", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\nSigned-By: /a.gpg /b.asc\n", "1 http://h/ b main[amd64 i386] by /a.gpg,/b.asc\n"},
		{"key in place", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n =abcd\n -----END PGP PUBLIC KEY BLOCK-----\n",
			"1 http://h/ b main[amd64 i386] keys \"-----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nmQ==\\n=abcd\\n-----END PGP PUBLIC KEY BLOCK-----\\n\"\n"},
		{"key in place, indented and parted by blanks", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\nSigned-By:\n   -----BEGIN PGP PUBLIC KEY BLOCK-----\n \n   mQ==\n\t=abcd\n   -----END PGP PUBLIC KEY BLOCK-----\n",
			"1 http://h/ b main[amd64 i386] keys \"-----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nmQ==\\n=abcd\\n-----END PGP PUBLIC KEY BLOCK-----\\n\"\n"},
		{"remarks", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\nX-Repolib-Name: x\nX-Y: z\nDescription: d\n", "1 http://h/ b main[amd64 i386]\n"},
		{"unknown field", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\nColour: red\n", "1 http://h/ b main[amd64 i386]\nx.sources:5: the unknown option \"colour\" is ignored refused=false\n"},
		{"trusted", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\nTrusted: no\n", "x.sources:5: trusted=no is refused, because a feed uses only what it can verify: sign the repository and name its key in signed-by refused=true\n"},
		{"three faults", "Types: deb rpm\nEnabled: perhaps\nComponents: main\n", "x.sources:1: unknown type \"rpm\": want deb or deb-src refused=true\nx.sources:2: enabled is yes or no, not \"perhaps\" refused=true\n"},
		{"nothing named", "Types: deb\nComponents: main\n", "x.sources:1: the entry names no URI refused=true\nx.sources:1: the entry names no suite refused=true\n"},
		{"no types", "URIs: http://h\n", "x.sources:1: the entry has no Types field: want Types, URIs, Suites and Components refused=true\n"},
		{"a bad stanza costs only itself", "nonsense\n\nTypes: deb\nURIs: http://h\nSuites: b\nComponents: main\n", "3 http://h/ b main[amd64 i386]\nx.sources:1: want \"Name: value\", not \"nonsense\" refused=true\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, render(parse("x.sources", tt.in)))
		})
	}
}

func TestTargets(t *testing.T) {
	sources, problems := parse("x.list", "deb [arch=arm64] http://h b main\ndeb [arch+=riscv64 arch-=i386] http://h c main")
	require.Empty(t, problems)
	require.Equal(t, []target{{"main", []string{"arm64"}}}, sources[0].targets)
	require.Equal(t, []target{{"main", []string{"amd64", "riscv64"}}}, sources[1].targets)
}

func TestSourcesFolder(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "sources.list"), "deb http://first b main\n")
	writeFile(t, filepath.Join(dir, "sources.list.d/b.list"), "deb http://third b main\n")
	writeFile(t, filepath.Join(dir, "sources.list.d/a.sources"), "Types: deb\nURIs: http://second\nSuites: b\nComponents: main\n")
	for _, left := range []string{"c.list.disabled", "d.list~", "e f.list", ".g.list", "README"} {
		writeFile(t, filepath.Join(dir, "sources.list.d", left), "deb http://never b main\n")
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sources.list.d/z.list"), 0o755))
	sources, problems, err := readSources("", dir, []string{"amd64"})
	require.NoError(t, err)
	var uris []string
	for _, s := range sources {
		uris = append(uris, s.uri)
	}
	require.Equal(t, []string{"http://first/", "http://second/", "http://third/"}, uris)
	require.Len(t, problems, 1, "a folder in place of a file cannot be read")

	_, _, err = readSources("", filepath.Join(dir, "nowhere"), []string{"amd64"})
	require.ErrorContains(t, err, "the apt configuration cannot be read")

	for size, want := range map[int]int{maxSourcesFile: 0, maxSourcesFile + 1: 1} {
		long := t.TempDir()
		writeFile(t, filepath.Join(long, "sources.list"), strings.Repeat("#", size))
		_, problems, err = readSources("", long, []string{"amd64"})
		require.NoError(t, err)
		require.Len(t, problems, want)
	}
	var many strings.Builder
	for i := range maxSources + 1 {
		fmt.Fprintf(&many, "deb http://h s%d main\n", i)
	}
	sources, problems = parse("x.list", many.String())
	require.Len(t, sources, maxSources)
	require.Len(t, problems, 1)
}

// What is refused shows as a feed that fails, and is reported; the rest of the
// configuration works (CAT-1).
func TestRefusedEntryIsAFailingFeed_CAT1(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64")).publish().serve()
	dir := root(t, r)
	writeFile(t, filepath.Join(dir, "etc/apt/sources.list.d/bad.list"), "deb [trusted=yes arch=A] http://h b main\ndeb [colour=red allow-weak=yes] http://h c main\n")
	var told []Problem
	c := config(dir)
	c.Report = func(p Problem) { told = append(told, p) }
	all := open(t, c)
	require.Len(t, told, 4)
	require.Len(t, all, 3)
	fetched(t, all[0])
	bad := filepath.Join(dir, "etc/apt/sources.list.d/bad.list")
	require.Equal(t, catalog.FeedID("apt:"+bad+":1"), all[2].ID())
	e := failed(t, all[2], fault.Refused)
	require.Contains(t, e.Error(), "trusted=yes is refused")
	require.Contains(t, e.Error(), `"A" is not an architecture`)
}

func TestConfigIsChecked(t *testing.T) {
	c := Config{Root: t.TempDir(), Architectures: []string{"X", "all"}}
	_, err := FromConfig(c)
	require.ErrorContains(t, err, `"X" is not an architecture`)
	require.ErrorContains(t, err, `"all" is not an architecture`)
	_, err = FromLists(Config{Root: t.TempDir()})
	require.ErrorContains(t, err, "the apt configuration cannot be read")
}

func TestDefaultsOfARoot(t *testing.T) {
	dir := t.TempDir()
	c := Config{Root: dir}.withDefaults()
	require.Len(t, c.Architectures, 1)
	require.True(t, debian.ValidArchitecture(c.Architectures[0]))
	writeFile(t, filepath.Join(dir, "var/lib/dpkg/status"), "broken\n\nPackage: dpkg\nArchitecture: arm64\n")
	writeFile(t, filepath.Join(dir, "var/lib/dpkg/arch"), "arm64\narmhf\n\nBAD\n")
	c = Config{Root: dir}.withDefaults()
	require.Equal(t, []string{"arm64", "armhf"}, c.Architectures)
	require.Equal(t, filepath.Join(dir, "etc/apt"), c.Dir)
}

func TestKeyrings(t *testing.T) {
	key, other := newKey(t, "archive", 0), newKey(t, "other", 0)
	fp := fmt.Sprintf("%X", key.PrimaryKey.Fingerprint)
	sub := fmt.Sprintf("%X", key.Subkeys[0].PublicKey.Fingerprint)
	r := newRepo(t, "bookworm", key).main(deb("hare", "1", "amd64")).publish().serve()
	var binary strings.Builder
	require.NoError(t, key.Serialize(&binary))
	inPlace := "Signed-By:\n " + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(armored(t, key)), "\n\n", "\n.\n"), "\n", "\n ")
	for _, tt := range []struct {
		name  string
		files map[string]string // below etc/apt
		field string
		cause fault.Cause // zero: good
		text  string
	}{
		{"armored", map[string]string{"k": armored(t, other, key)}, "Signed-By: /etc/apt/k", "", ""},
		{"two armored blocks", map[string]string{"k": armored(t, other) + "text between\n" + armored(t, key)}, "Signed-By: /etc/apt/k", "", ""},
		{"binary", map[string]string{"k": binary.String()}, "Signed-By: /etc/apt/k", "", ""},
		{"two files", map[string]string{"k": binary.String(), "l": armored(t, other)}, "Signed-By: /etc/apt/l, /etc/apt/k", "", ""},
		{"in place", nil, inPlace, "", ""},
		{"the configuration's own", map[string]string{"trusted.gpg": binary.String()}, "", "", ""},
		{"the configuration's folder", map[string]string{"trusted.gpg.d/k.asc": armored(t, key), "trusted.gpg.d/bad.gpg": "rubbish"}, "", "", ""},
		{"by fingerprint", map[string]string{"trusted.gpg.d/k.gpg": binary.String()}, "Signed-By: " + fp, "", ""},
		{"by exact fingerprint", map[string]string{"trusted.gpg.d/k.gpg": binary.String()}, "Signed-By: " + fp + "!", "", ""},
		{"by fingerprint within a file", map[string]string{"k": binary.String()}, "Signed-By: /etc/apt/k " + fp, "", ""},
		{"another fingerprint", map[string]string{"trusted.gpg.d/k.gpg": binary.String()}, "Signed-By: " + strings.Repeat("A", 40), fault.UnknownKey, "not trusted"},
		{"the exact fingerprint of another of its keys", map[string]string{"trusted.gpg.d/k.gpg": binary.String()}, "Signed-By: " + sub + "!", fault.UnknownKey, "not trusted"},
		{"signed-by leaves the others out", map[string]string{"trusted.gpg": binary.String(), "k": armored(t, other)}, "Signed-By: /etc/apt/k", fault.UnknownKey, "not trusted"},
		{"no keys", nil, "", fault.UnknownKey, "not trusted"},
		{"only rubbish", map[string]string{"trusted.gpg.d/bad.gpg": "rubbish"}, "", fault.Keyring, "not an OpenPGP keyring"},
		{"the one it needs is rubbish", map[string]string{"trusted.gpg.d/bad.gpg": "rubbish", "trusted.gpg.d/other.asc": armored(t, other)}, "", fault.Keyring, "bad.gpg: "},
		{"missing file", nil, "Signed-By: /etc/apt/k", fault.Keyring, "etc/apt/k: there is no such file"},
		{"one of two files missing", map[string]string{"k": armored(t, key)}, "Signed-By: /etc/apt/k /etc/apt/l", fault.Keyring, "etc/apt/l: there is no such file"},
		{"a folder", map[string]string{"k/x": ""}, "Signed-By: /etc/apt/k", fault.Keyring, "not a regular file"},
		{"empty file", map[string]string{"k": ""}, "Signed-By: /etc/apt/k", fault.Keyring, "has no OpenPGP key: get the repository's key again"},
		{"a web page", map[string]string{"k": "\n<!DOCTYPE html><html>not found</html>"}, "Signed-By: /etc/apt/k", fault.Keyring, "it is a web page"},
		{"a byte order mark", map[string]string{"k": "\xef\xbb\xbf" + armored(t, key)}, "Signed-By: /etc/apt/k", fault.Keyring, "byte order mark"},
		{"a keybox", map[string]string{"k": "\x00\x00\x00\x20\x01\x01\x00\x02KBXf\x00\x00\x00\x00"}, "Signed-By: /etc/apt/k", fault.Keyring, "gpg --export"},
		{"armored, called .gpg", map[string]string{"k.gpg": armored(t, key)}, "Signed-By: /etc/apt/k.gpg", fault.Keyring, "rename it to .asc"},
		{"binary, called .asc", map[string]string{"k.asc": binary.String()}, "Signed-By: /etc/apt/k.asc", fault.Keyring, "rename it to .gpg"},
		{"armor cut off", map[string]string{"k": armored(t, key)[:100]}, "Signed-By: /etc/apt/k", fault.Keyring, "no END line"},
		{"armor broken", map[string]string{"k": armorBegin + "\n\n!!!\n-----END PGP PUBLIC KEY BLOCK-----"}, "Signed-By: /etc/apt/k", fault.Keyring, "keyring"},
		{"huge", map[string]string{"k": strings.Repeat("x", maxKeyring+1)}, "Signed-By: /etc/apt/k", fault.Keyring, "over the limit"},
		{"in place, broken", nil, "Signed-By:\n " + armorBegin + "\n .\n x", fault.Keyring, "the key block in Signed-By"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range tt.files {
				writeFile(t, filepath.Join(dir, "etc/apt", name), content)
			}
			writeFile(t, filepath.Join(dir, "etc/apt/sources.list.d/x.sources"), "Types: deb\nURIs: "+r.uri+"\nSuites: bookworm\nComponents: main\n"+tt.field+"\n")
			c := config(dir)
			c.Architectures = []string{"amd64"}
			f := open(t, c)[0]
			if tt.cause == "" {
				require.Len(t, fetched(t, f).Patches, 1)
				return
			}
			require.ErrorContains(t, failed(t, f, tt.cause), tt.text)
		})
	}
}

func TestCauses(t *testing.T) {
	for cause, name := range map[fault.Cause]string{
		fault.Refused: "Refused", fault.Unreachable: "Unreachable", fault.Missing: "Missing", fault.Unsigned: "Unsigned", fault.UnknownKey: "UnknownKey",
		fault.BadSignature: "BadSignature", fault.Expired: "Expired", fault.NotYetValid: "NotYetValid", fault.Keyring: "Keyring",
		fault.Malformed: "Malformed", fault.Mismatch: "Mismatch", fault.TooLarge: "TooLarge", fault.Unsupported: "Unsupported",
	} {
		require.Equal(t, name, string(cause))
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(2026, 5, 9, 8, 7, 6, 0, time.UTC)
	for _, good := range []string{
		"Saturday, 09-May-26 08:07:06 GMT", "Sat May  9 08:07:06 2026", "Sat, 9 May 2026 8:07:06 UTC", "Sat, 09 May 2026 08:07:06 -0000",
		"Sat, 09 May 2026 08:07:06 UTC", "Sat, 9 May 2026 08:07:06 UTC", "Sat,  9 May 2026 08:07:06 GMT", "Sat, 09 May 2026 08:07:06 +0000", " Sat, 09 May 2026 08:07:06 Z",
	} {
		got, err := parseDate(good)
		require.NoError(t, err, good)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "2026-05-09", "Sat, 09 May 2026 08:07:06", "Sat, 09 May 2026 08:07:06 CET", "Sat, 09 May 2026 08:07:06 +0200", "Sat, 31 Feb 2026 08:07:06 UTC"} {
		_, err := parseDate(bad)
		require.Error(t, err, bad)
	}
}

func TestValidPackage(t *testing.T) {
	_, err := exec.LookPath("dpkg")
	require.True(t, err == nil || os.Getenv("CI") != "true", "CI has to have dpkg")
	for name, want := range map[string]bool{
		"": false, "-a": false, "a b": false, ".a": false, "_a": false, "a~b": false, "ä": false, "a:b": false, "a/b": false, "a,b": false,
		"a": true, "A1": true, "a_b": true, "libstdc++6": true, "Ha.re-x": true, "7z": true,
	} {
		require.Equal(t, want, validPackage(name), name)
		if err == nil && name != "" {
			require.Equal(t, want, exec.Command("dpkg", "--validate-pkgname", name).Run() == nil, "dpkg says of %q", name)
		}
	}
	require.False(t, validPackage(strings.Repeat("a", 129)))
}
