package aptfeed

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

var _ catalog.Feed = (*Feed)(nil)

func TestConformance(t *testing.T) {
	key := newKey(t, "archive", 0)
	r := newRepo(t, "bookworm", key).main(deb("hare", "1:2.0-1", "amd64"), deb("data", "3", "all")).publish().serve()
	for name, from := range map[string]func(Config) ([]*Feed, error){"http": FromConfig, "file": FromConfig, "lists": FromLists} {
		t.Run(name, func(t *testing.T) {
			dir := root(t, r)
			switch name {
			case "file":
				files := newRepo(t, "bookworm", key).main(deb("hare", "1:2.0-1", "amd64"))
				dir = root(t, files.publish().write())
			case "lists":
				download(t, dir, r, "")
			}
			catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed {
				all, err := from(config(dir))
				require.NoError(t, err)
				require.Len(t, all, 1)
				return all[0]
			})
		})
	}
}

func TestPatchOfAPackage_CAT5(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1:2.0-1", "amd64")).publish().serve()
	b := fetched(t, open(t, config(root(t, r)))[0])
	v, err := version.Parse(version.Debian, "1:2.0-1")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(catalog.Batch{
		Feed:      catalog.FeedID("apt:" + r.uri + " bookworm"),
		At:        today,
		Authority: "Debian, signed by /keys/" + fingerprint(r) + ".asc",
		Names:     []string{"deb/bookworm/"},
		Dated:     today.Add(-time.Hour),
		Products: []catalog.Product{{
			ID: "deb/bookworm/amd64/hare", Name: "hare", Vendor: "Debian", Platform: catalog.Linux, Architecture: "amd64",
			Channel: "bookworm", Scheme: version.Debian,
		}},
		Patches: []catalog.Patch{{
			ID: "deb/bookworm/amd64/hare=1:2.0-1", Product: "deb/bookworm/amd64/hare", Version: v, Title: "the hare", Transaction: "dpkg",
			Artifacts: []catalog.Artifact{{
				Name: "hare_2.0-1_amd64.deb", Availability: catalog.Pinned, URL: r.uri + "pool/hare_2.0-1_amd64.deb", Size: 1004,
				Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: repository.Sum([]byte("hare1:2.0-1amd64")).Digest.Sum}},
			}},
		}},
	}, b, cmp.Comparer(func(a, b version.Version) bool { return a == b })))
}

// A package of architecture "all" is upgraded on every wanted architecture.
func TestArchitectureAll(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("data", "3", "all"), deb("hare", "1", "amd64"))
	r.lists["main/binary-arm64/Packages"] = []string{deb("data", "3", "all"), deb("hare", "1", "arm64")}
	c := config(root(t, r.publish().serve()))
	c.Architectures = []string{"amd64", "arm64"}
	require.Equal(t, []string{"deb/bookworm/amd64/data=3", "deb/bookworm/amd64/hare=1", "deb/bookworm/arm64/data=3", "deb/bookworm/arm64/hare=1"},
		ids(fetched(t, open(t, c)[0])))

	// Where the repository keeps them in a list of their own, that list is read.
	r.fields["Architectures"] = "all amd64 arm64"
	r.lists = map[string][]string{"main/binary-all/Packages": {deb("data", "4", "all")}, "main/binary-amd64/Packages": {deb("hare", "1", "amd64")}}
	r.publish()
	require.Equal(t, []string{"deb/bookworm/amd64/hare=1", "deb/bookworm/amd64/data=4", "deb/bookworm/arm64/data=4"}, ids(fetched(t, open(t, c)[0])))

	// Unless it says that the other lists have them all.
	r.fields["No-Support-for-Architecture-all"] = "Packages"
	r.publish()
	require.Equal(t, []string{"deb/bookworm/amd64/hare=1"}, ids(fetched(t, open(t, c)[0])))
}

func TestConditionalFetch_CAT1(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
	r.lists["contrib/binary-amd64/Packages"] = []string{deb("tortoise", "1", "amd64")}
	r.publish().serve()
	dir := root(t, r)
	writeFile(t, filepath.Join(dir, "etc/apt/sources.list.d/more.list"), "deb [signed-by=/keys/"+fingerprint(r)+".asc] "+r.uri+" bookworm contrib")
	f := open(t, config(dir))[0]
	require.Len(t, fetched(t, f).Patches, 2)
	first := r.asked()
	require.Len(t, first, 3)
	require.Contains(t, first[1], "main/binary-amd64/by-hash/SHA256/")

	require.True(t, fetched(t, f).Unchanged)
	require.Equal(t, []string{"dists/bookworm/InRelease"}, r.asked())

	// Only the list that changed is fetched again.
	r.main(deb("hare", "2", "amd64"))
	r.fields["Date"] = today.Format(time.RFC1123)
	r.publish()
	b := fetched(t, f)
	require.Equal(t, []string{"deb/bookworm/amd64/hare=1", "deb/bookworm/amd64/hare=2", "deb/bookworm/amd64/tortoise=1"}, ids(b))
	again := r.asked()
	require.Len(t, again, 2)
	require.Contains(t, again[1], "main/binary-amd64")

	// A patch that appears between two fetches was published then; what was
	// there at first is of unknown age (CAT-2).
	require.Zero(t, b.Patches[0].Published)
	require.Equal(t, today, b.Patches[1].Published)

	// A new Release file over the same lists fetches none, and the patch keeps its time.
	r.fields["Date"] = today.Add(time.Minute).Format(time.RFC1123)
	r.publish()
	require.Equal(t, b.Patches, fetched(t, f).Patches)
	require.Len(t, r.asked(), 1)
}

func fingerprint(r *repo) string { return fmt.Sprintf("%X", r.keys[0].PrimaryKey.Fingerprint) }

func TestCacheAcrossRestarts(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64")).publish().serve()
	c := config(root(t, r))
	c.CacheDir = filepath.Join(t.TempDir(), "cache")
	f := open(t, c)[0]
	fetched(t, f)
	r.main(deb("tortoise", "1", "amd64"))
	r.fields["Date"] = today.Format(time.RFC1123)
	r.publish()
	want := fetched(t, f)
	require.NotZero(t, want.Patches[1].Published)
	r.asked()

	got := fetched(t, open(t, c)[0])
	require.Equal(t, want, got, "a new feed knows what the old one knew, and its first batch is whole")
	require.Equal(t, []string{"dists/bookworm/InRelease"}, r.asked())
	require.Len(t, cached(t, c), 3, "old lists are deleted: InRelease, its validators and one list are left")

	// What is damaged on disk is as good as not there.
	r.fields["Date"] = today.Format(time.RFC1123)
	r.publish()
	for _, file := range cached(t, c) {
		require.NoError(t, os.WriteFile(file, []byte("rubbish"), 0o600))
	}
	require.Len(t, fetched(t, open(t, c)[0]).Patches, 2)

	// A cache that cannot be written only costs the saving, and is reported.
	var told []string
	c.CacheDir = filepath.Join(c.Root, "etc/os-release", "below a file")
	c.Report = func(p Problem) { told = append(told, p.Error()) }
	require.Len(t, fetched(t, open(t, c)[0]).Patches, 2)
	require.Len(t, told, 1)
	require.Contains(t, told[0], "fetched files cannot be kept there")
}

func cached(t *testing.T, c Config) []string {
	files, err := filepath.Glob(filepath.Join(c.CacheDir, "*/*"))
	require.NoError(t, err)
	return files
}

// The same build in two suites is given by the first suite of the
// configuration, whatever comes and goes.
func TestOnePatchInTwoSuites_CAT16(t *testing.T) {
	key := newKey(t, "archive", 0)
	main := newRepo(t, "bookworm", key).main(deb("hare", "1", "amd64"), deb("fox", "1", "amd64")).publish().serve()
	security := newRepo(t, "bookworm-security", key).main(deb("hare", "1", "amd64"), deb("hare", "2", "amd64"))
	security.main(otherBytes(deb("fox", "1", "amd64")))
	security.publish().serve()
	all := open(t, config(root(t, main, security)))
	first, second := fetched(t, all[0]), fetched(t, all[1])
	require.Equal(t, first.Authority, second.Authority, "one origin, one keyring")
	require.Equal(t, []string{"deb/bookworm/amd64/hare=1", "deb/bookworm/amd64/fox=1"}, ids(first))
	require.Equal(t, []string{"deb/bookworm/amd64/hare=2"}, ids(second))
	require.Len(t, second.Rejected, 1)
	require.Equal(t, "patch deb/bookworm/amd64/fox=1", second.Rejected[0].Record)
	require.Contains(t, second.Rejected[0].Reasons[0], "different digest")

	snapshot, changes := catalog.Sync(nil, []catalog.Batch{first, second}, today)
	require.Len(t, changes.Rejected, 1, "nothing but the one with other bytes")
	newest, _ := snapshot.Newest("deb/bookworm/amd64/hare")
	require.Equal(t, catalog.PatchID("deb/bookworm/amd64/hare=2"), newest.ID)

	// The first suite drops it, and the second, unchanged itself, takes it over.
	main.lists["main/binary-amd64/Packages"] = []string{deb("fox", "1", "amd64")}
	main.fields["Date"] = today.Format(time.RFC1123)
	main.publish()
	first, second = fetched(t, all[0]), fetched(t, all[1])
	require.Equal(t, []string{"deb/bookworm/amd64/fox=1"}, ids(first))
	require.Equal(t, []string{"deb/bookworm/amd64/hare=1", "deb/bookworm/amd64/hare=2"}, ids(second))
	require.True(t, fetched(t, all[1]).Unchanged)

	// A suite that fails keeps what it gave.
	main.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	failed(t, all[0], fault.Unreachable)
	require.True(t, fetched(t, all[1]).Unchanged)
}

// A build is a security update if a security suite lists it, whichever suite
// gives it: Ubuntu copies them to its updates.
func TestSecuritySuiteMakesTheClass(t *testing.T) {
	key := newKey(t, "archive", 0)
	updates := newRepo(t, "jammy-updates", key).main(deb("hare", "1", "amd64"), deb("fox", "1", "amd64"), deb("owl", "1", "amd64")).publish().serve()
	security := newRepo(t, "jammy-security", key).main(deb("hare", "1", "amd64"), otherBytes(deb("fox", "1", "amd64")), deb("hare", "2", "amd64")).publish().serve()
	classes := func(b catalog.Batch) map[string]catalog.Class {
		m := map[string]catalog.Class{}
		for _, p := range b.Patches {
			m[path.Base(string(p.ID))] = p.Class
		}
		return m
	}
	all := open(t, config(root(t, updates, security)))
	require.Equal(t, map[string]catalog.Class{"hare=1": catalog.Security, "fox=1": 0, "owl=1": 0}, classes(fetched(t, all[0])), "the first fetch knows it")
	require.Equal(t, map[string]catalog.Class{"hare=2": catalog.Security}, classes(fetched(t, all[1])))
	require.True(t, fetched(t, all[0]).Unchanged)
	require.True(t, fetched(t, all[1]).Unchanged)

	// A security suite that fails costs the others nothing.
	security.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	all = open(t, config(root(t, updates, security)))
	require.Equal(t, map[string]catalog.Class{"hare=1": 0, "fox=1": 0, "owl=1": 0}, classes(fetched(t, all[0])))
	failed(t, all[1], fault.Unreachable)
}

func otherBytes(paragraph string) string {
	before, after, _ := strings.Cut(paragraph, "SHA256: ")
	return before + "SHA256: " + strings.Repeat("0", 64) + after[64:]
}

// A repository serves every version that it lists, each under an address of its own (CAT-6).
func TestEveryListedVersionIsServed_CAT6(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "2", "amd64"), deb("hare", "1.5", "amd64")).publish().serve()
	b := fetched(t, open(t, config(root(t, r)))[0])
	for _, p := range b.Patches {
		require.Equal(t, catalog.Pinned, p.Artifacts[0].Availability)
		require.NotEmpty(t, p.Artifacts[0].URL)
	}
	snapshot, _ := catalog.Sync(nil, []catalog.Batch{b}, today)
	for _, id := range []catalog.PatchID{"deb/bookworm/amd64/hare=1.5", "deb/bookworm/amd64/hare=2"} {
		patch, listed := snapshot.Patch(id)
		require.True(t, listed && patch.Product == "deb/bookworm/amd64/hare" && snapshot.Lifecycle(id) == catalog.LifecycleActive)
	}
}

// The channel is what the repository says of itself, whatever machine the feed runs on (CAT-17).
// Package debian tests the rest.
func TestChannelIsTheRepositorys_CAT17(t *testing.T) {
	for _, tt := range []struct {
		name, suite, want string
		fields            map[string]string
	}{
		{"Debian", "bookworm", "bookworm", nil},
		{"Debian security", "bookworm-security", "bookworm", nil},
		{"another release", "sid", "sid", map[string]string{"Suite": "unstable"}},
		{"Ubuntu's backports", "jammy-backports", "jammy-backports", map[string]string{"Origin": "Ubuntu", "Suite": "jammy-backports", "Codename": "jammy", "NotAutomatic": "yes"}},
		{"somebody else's", "stable", "somebody:stable", map[string]string{"Origin": "Somebody"}},
		{"nobody's", "x", "REPOSITORY:x", map[string]string{"Origin": "", "Label": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, tt.suite, newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
			for name, value := range tt.fields {
				r.fields[name] = value
			}
			dir := root(t, r.publish().serve())
			require.NoError(t, os.Remove(filepath.Join(dir, "etc/os-release")))
			b := fetched(t, open(t, config(dir))[0])
			want := strings.Replace(tt.want, "REPOSITORY", strings.NewReplacer("http://", "", ":", "-", "/", "").Replace(r.uri), 1)
			require.Equal(t, want, b.Products[0].Channel)
			require.Equal(t, []string{"deb/" + want + "/"}, b.Names)
			require.Equal(t, r.fields["Origin"], b.Products[0].Vendor)
		})
	}
}

// Feeds of two authorities know nothing of each other: neither hides what the other lists (CAT-17).
func TestAuthoritiesAreApart_CAT17(t *testing.T) {
	key, other := newKey(t, "archive", 0), newKey(t, "other", 0)
	for name, change := range map[string]func(r *repo){
		"another origin":  func(r *repo) { r.fields["Origin"] = "Somebody" },
		"another keyring": func(r *repo) { r.keys[0] = other },
	} {
		t.Run(name, func(t *testing.T) {
			first := newRepo(t, "bookworm", key).main(deb("hare", "1", "amd64")).publish().serve()
			second := newRepo(t, "bookworm-security", key).main(deb("hare", "1", "amd64"), otherBytes(deb("fox", "1", "amd64")))
			change(second)
			second.publish().serve()
			all := open(t, config(root(t, first, second)))
			a, b := fetched(t, all[0]), fetched(t, all[1])
			require.NotEqual(t, a.Authority, b.Authority)
			require.Len(t, a.Patches, 1)
			require.Len(t, b.Patches, 2)
			require.Empty(t, b.Rejected)
			require.True(t, fetched(t, all[0]).Unchanged, "the other's security suite does not make the class either")
		})
	}
}

// The authority stays the same when the keys in the file are renewed, and is another one under
// another Signed-By (CAT-17).
func TestAuthorityIsTheKeyringAsConfigured_CAT17(t *testing.T) {
	names := map[string]string{}
	for _, field := range []string{"", "Signed-By: /a.gpg", "Signed-By: /b.gpg", "Signed-By: /a.gpg /b.gpg", "Signed-By: /b.gpg, /a.gpg", "Signed-By:\n " + armorBegin + "\n .\n x", "Signed-By:\n   " + armorBegin + "\n \n   x"} {
		sources, problems := parse("x.sources", "Types: deb\nURIs: http://h\nSuites: b\nComponents: main\n"+field+"\n")
		require.Empty(t, problems)
		names[field] = sources[0].authority("Debian", "/etc/apt")
		require.NotEqual(t, names[field], sources[0].authority("Other", "/etc/apt"))
	}
	require.Equal(t, names["Signed-By: /a.gpg /b.gpg"], names["Signed-By: /b.gpg, /a.gpg"])
	distinct := map[string]bool{}
	for _, name := range names {
		distinct[name] = true
	}
	require.Len(t, distinct, 5, "%v", names)
}

func TestFlatRepository(t *testing.T) {
	for _, suite := range []string{"./", "/", "sub/", "./sub/deep/"} {
		t.Run(suite, func(t *testing.T) {
			r := newRepo(t, suite, newKey(t, "archive", 0))
			r.fields["Codename"] = "bookworm"
			r.lists["Packages"] = []string{strings.Replace(deb("hare", "1", "amd64"), "pool/", "./", 1), deb("hare", "1", "riscv64"), deb("data", "1", "all")}
			b := fetched(t, open(t, config(root(t, r.publish().serve())))[0])
			require.Equal(t, []string{"deb/bookworm/amd64/hare=1", "deb/bookworm/amd64/data=1"}, ids(b))
			require.Equal(t, r.uri+"hare_1_amd64.deb", b.Patches[0].Artifacts[0].URL)
			require.Empty(t, b.Rejected, "other architectures are no fault of a mixed list")
		})
	}
}

// Bad records are left out and reported, and cost nothing else (CAT-16).
func TestBadRecords_CAT16(t *testing.T) {
	good := deb("hare", "1", "amd64")
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(good)
	for _, change := range [][2]string{
		{"Package: hare", "Package: +hare"}, {"Package: hare", "Package: h re"}, {"Package: hare\n", ""},
		{"Version: 1", "Version: a b"}, {"Version: 1", "Version: "}, {"Architecture: amd64", "Architecture: arm64"}, {"Architecture: amd64", "Architecture: a/b"},
		{"Filename: pool/", "Filename: ../"}, {"Filename: pool/", "Filename: /pool/.."}, {"Filename: pool/", "Filename: pool/../../"}, {"Filename: pool/hare_1_amd64.deb", "Filename: pool/hare"},
		{"Filename: pool/", "Filename: pool/x\x01"}, {"Filename: pool/", `Filename: pool\`}, {"Filename: pool/hare_1_amd64.deb", "Filename:"}, {"Filename: pool/hare_1_amd64.deb", "Filename: pool/-x.deb"},
		{"Size: 1004", "Size: -1"}, {"Size: 1004", "Size: 0"}, {"Size: 1004", "Size: 1e3"}, {"Size: 1004", "Size: 99999999999999"}, {"SHA256: ", "SHA256: z"}, {"SHA256: ", "Digest: "},
		{"Size: 1004", "Size: 1004\nsize: 1004"}, {"Size: 1004", "no field"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		require.NotEqual(t, good, bad)
		r.main(bad)
	}
	n := len(r.lists["main/binary-amd64/Packages"]) - 1
	b := fetched(t, open(t, config(root(t, r.publish().serve())))[0])
	require.Equal(t, []string{"deb/bookworm/amd64/hare=1"}, ids(b))
	require.Len(t, b.Rejected, n)
	for _, rejected := range b.Rejected {
		require.Equal(t, b.Feed, rejected.Feed)
		require.NotEmpty(t, rejected.Record)
		require.NotEmpty(t, rejected.Reasons)
	}

	// A record with several faults reports each; of very many bad records the rest is counted.
	r.lists["main/binary-amd64/Packages"] = nil
	r.main("Package: -x\nVersion: \nArchitecture: amd64\n", good)
	for range fetch.MaxRejected + 5 {
		r.main("no field\n")
	}
	r.fields["Date"] = today.Format(time.RFC1123)
	b = fetched(t, open(t, config(root(t, r.publish())))[0])
	require.Len(t, b.Patches, 1)
	require.Len(t, b.Rejected[0].Reasons, 5)
	require.Len(t, b.Rejected, fetch.MaxRejected+1)
	require.Equal(t, "6 more records", b.Rejected[fetch.MaxRejected].Record)
}

// An address is escaped, so that a file name with any character is fetched as it is.
func TestAddressIsEscaped(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(strings.Replace(deb("hare", "1:1~x+y", "amd64"), "hare_1~x+y", "ha re_1%3a1~x+y#", 1)).publish().serve()
	b := fetched(t, open(t, config(root(t, r)))[0])
	require.Empty(t, b.Rejected)
	require.Equal(t, r.uri+"pool/ha%20re_1%253a1~x+y%23_amd64.deb", b.Patches[0].Artifacts[0].URL)
	require.Empty(t, b.Patches[0].Check())
}

// Paths are taken as they are, as apt does, as long as they stay below the repository.
func TestFilenamesAsAptHasThem(t *testing.T) {
	for in, want := range map[string]string{
		"pool//hare.deb": "pool//hare.deb", "./pool/./hare.deb": "pool/./hare.deb", "/pool/hare.deb": "/pool/hare.deb", "pool/hare.ddeb": "pool/hare.ddeb", "hare.udeb": "hare.udeb", "a:b/hare.deb": "a:b/hare.deb",
	} {
		r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(strings.Replace(deb("hare", "1", "amd64"), "pool/hare_1_amd64.deb", in, 1)).publish().serve()
		b := fetched(t, open(t, config(root(t, r)))[0])
		require.Empty(t, b.Rejected, in)
		require.Equal(t, r.uri+want, b.Patches[0].Artifacts[0].URL)
		require.Empty(t, b.Patches[0].Check())
	}
}

// A name with capitals is the package that dpkg and apt make of it.
func TestNamesAreLowerCase(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("Ha_Re", "1", "amd64"), deb("x", "1", "amd64")).publish().serve()
	c := config(root(t, r))
	c.Only = func(name string) bool { return name == "ha_re" }
	require.Equal(t, []string{"deb/bookworm/amd64/ha_re=1"}, ids(fetched(t, open(t, c)[0])))
}
