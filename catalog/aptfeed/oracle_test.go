package aptfeed

import (
	"bytes"
	"fmt"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// aptly is a system with one repository that Debian's own tools make, for apt and this package to
// read.
type aptly struct {
	t     *testing.T
	dir   string // etc/apt, var/lib/apt/lists; the repository is in repo
	gnupg string
}

// theList is the one package list of the repository.
const theList = "dists/b/main/binary-amd64/Packages"

// newAptly makes the keys and a repository with the package hare, for forms to be made of.
func newAptly(t *testing.T) *aptly {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: apt at work takes a while; run without -short")
	}
	for _, program := range []string{"apt-get", "apt-cache", "apt-ftparchive", "dpkg-deb", "gpg", "xz", "bzip2", "zstd", "lzma", "gzip"} {
		if _, err := exec.LookPath(program); err != nil {
			require.NotEqual(t, "true", os.Getenv("CI"), "CI has to have %s", program)
			t.Skipf("SKIPPED ALOUD: there is no %s here", program)
		}
	}
	a := &aptly{t: t, dir: t.TempDir(), gnupg: t.TempDir()}
	a.gpg("--quick-generate-key", "archive <archive@example.com>", "rsa2048", "sign", "never")
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", a.gnupg, "--kill", "all").Run() })
	writeFile(t, a.path("key.gpg"), a.gpg("--export"))
	writeFile(t, a.path("key.asc"), a.gpg("--armor", "--export"))
	writeFile(t, a.path("tree/DEBIAN/control"), "Package: hare\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: fast\n")
	require.NoError(t, os.MkdirAll(a.path("plain/pool"), 0o755))
	a.run("plain", "dpkg-deb", "--root-owner-group", "--build", "../tree", "pool/hare_1_all.deb")
	writeFile(t, a.path("plain", theList), a.run("plain", "apt-ftparchive", "packages", "pool"))
	return a
}

func (a *aptly) path(parts ...string) string {
	return filepath.Join(append([]string{a.dir}, parts...)...)
}

func (a *aptly) gpg(args ...string) string {
	return a.run("", "gpg", append([]string{"--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
}

func (a *aptly) run(dir, program string, args ...string) string {
	a.t.Helper()
	out, err := a.try(dir, program, args...)
	require.NoError(a.t, err, "%s %v: %s", program, args, out)
	return out
}

func (a *aptly) try(dir, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = a.path(dir)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+a.gnupg, "LC_ALL=C")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if err != nil {
		return problems.String(), err
	}
	return out.String(), nil
}

// form is one odd form of a repository or of its configuration.
type form struct {
	name    string
	shell   string      // run in the repository before the Release file is made
	release string      // a sed script that changes the Release file
	after   string      // run in the repository after that
	key     string      // run beside key.gpg and key.asc
	source  string      // the .list file, or the .sources file if it begins with "Types:"; empty: an ordinary one
	pkg     string      // what to look for; empty: hare
	taken   bool        // apt lists the package
	strict  fault.Cause // apt takes it, and this package refuses it, as the package's documentation says
	note    string      // part of what is rejected with it; empty: nothing is
}

// read makes the form, and reports whether apt lists the package and what the two kinds of feeds
// say.
func (a *aptly) read(f form) (taken bool, said string, patches map[string][]string, notes string, errs map[string]error) {
	t := a.t
	for _, old := range []string{"etc", "var", "repo"} {
		require.NoError(t, os.RemoveAll(a.path(old)))
	}
	for _, dir := range []string{"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"} {
		require.NoError(t, os.MkdirAll(a.path(dir), 0o755))
	}
	writeFile(t, a.path("var/lib/dpkg/status"), "")
	a.run("", "cp", "-r", "plain", "repo")
	a.run("repo", "sh", "-ec", f.shell)
	release := a.run("repo", "apt-ftparchive", "-o", "APT::FTPArchive::Release::Codename=b", "-o", "APT::FTPArchive::Release::Origin=Debian", "release", "dists/b")
	writeFile(t, a.path("Release"), release)
	a.run("", "sed", "-i", f.release, "Release")
	a.run("repo", "sh", "-ec", f.after)
	a.gpg("--clearsign", "--output", a.path("repo/dists/b/InRelease"), a.path("Release"))
	a.run("", "sh", "-ec", f.key)
	source := strings.ReplaceAll(f.source, "DIR", a.dir)
	file := "x.list"
	if strings.HasPrefix(source, "Types:") {
		file = "x.sources"
	} else if source == "" {
		source = fmt.Sprintf("deb [signed-by=%s/key.gpg] file:%s/repo b main", a.dir, a.dir)
	}
	writeFile(t, a.path("etc/apt/sources.list.d", file), source+"\n")
	options := []string{"-q", "-o", "Dir=" + a.dir, "-o", "Dir::State::status=" + a.path("var/lib/dpkg/status"), "-o", "APT::Architecture=amd64", "-o", "APT::Architectures::=amd64",
		"-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none", "-o", "Dir::Etc::Trusted=" + a.path("etc/apt/trusted.gpg"), "-o", "Dir::Etc::TrustedParts=" + a.path("etc/apt/trusted.gpg.d")}
	said, _ = a.try("", "apt-get", append(options, "update")...)
	name := f.pkg
	if name == "" {
		name = "hare"
	}
	shown, _ := a.try("", "apt-cache", append(options, "madison", name)...)
	patches, errs = map[string][]string{}, map[string]error{}
	for kind, from := range map[string]func(Config) ([]*Feed, error){"lists": FromLists, "config": FromConfig} {
		all, err := from(Config{Dir: a.path("etc/apt"), Lists: a.path("var/lib/apt/lists"), Architectures: []string{"amd64"}, Now: func() time.Time { return time.Now().Add(time.Second) }})
		require.NoError(t, err)
		for _, feed := range all {
			b, err := feed.Fetch(t.Context())
			if err != nil {
				errs[kind] = err
			}
			for _, p := range b.Patches {
				patches[kind] = append(patches[kind], string(p.ID))
			}
			for _, r := range b.Rejected {
				notes += r.Error() + "\n"
			}
		}
	}
	return strings.Contains(shown, " | "), said, patches, notes, errs
}

// Whatever odd form apt takes is taken, and whatever it refuses is refused; a stricter rule is
// documented (CAT-16). What is refused fails with a reason and never reads as a repository without
// updates.
func TestOddFormsAsAptReadsThem_CAT16(t *testing.T) {
	a := newAptly(t)
	const plainGone = "rm " + theList
	entry := func(options string) string { return "deb [" + options + "] file:DIR/repo b main" }
	stanza := "Types: deb\nURIs: file:DIR/repo\nSuites: b\nComponents: main\n"
	indented := func(empty string) string {
		return stanza + "Signed-By:\n" + strings.ReplaceAll("   "+strings.ReplaceAll(strings.TrimSpace(string(must(os.ReadFile(a.path("key.asc"))))), "\n", "\n   "), "\n   \n", "\n"+empty+"\n")
	}
	forms := []form{
		{name: "gzip and zero bytes", shell: "gzip -k " + theList + "; head -c 512 /dev/zero >> " + theList + ".gz", after: plainGone, taken: true},
		{name: "bzip2 and zero bytes", shell: "bzip2 -k " + theList + "; head -c 512 /dev/zero >> " + theList + ".bz2", after: plainGone, taken: true},
		{name: "xz and junk", shell: "xz -k " + theList + "; printf junk >> " + theList + ".xz", after: plainGone, taken: true},
		{name: "zstd alone", shell: "zstd -q " + theList, after: plainGone, taken: true},
		{name: "lzma alone", shell: "lzma -k " + theList, after: plainGone, taken: true},
		{name: "xz is listed and not there", shell: "xz -k " + theList + "; gzip -k " + theList, after: plainGone + " " + theList + ".xz", taken: true},
		{name: "SHA-512 alone in Release", release: "/^MD5Sum:/,/^SHA512:/{/^SHA512:/!d}", taken: true},
		{name: "SHA-512 alone in Packages", shell: "sed -i '/^MD5sum\\|^SHA1\\|^SHA256/d' " + theList, taken: true},
		{name: "field names in another case", shell: "sed -i 's/^Package:/PACKAGE:/;s/^SHA256:/sha256:/;s/^Filename:/fileName:/' " + theList, taken: true},
		{name: "a name with capitals and _", shell: "sed -i 's/^Package: .*/Package: Ha_re/' " + theList, pkg: "ha_re", taken: true},
		{name: "another codename", release: "s/^Codename:.*/Codename: zz/", taken: true, note: `of suite "", codename "zz", and the entry at`},
		{name: "no date", release: "/^Date:/d", taken: true, note: "its Date is missing"},
		{name: "a date in another zone", release: "s/^Date:.*/Date: Sat, 21 Nov 2020 02:53:02 +0200/", taken: true, note: "not a time in UTC"},
		{name: "a date of RFC 850", release: "s/^Date:.*/Date: Saturday, 21-Nov-20 00:53:02 GMT/", taken: true},
		{name: "a date of asctime", release: "s/^Date:.*/Date: Sat Nov 21 00:53:02 2020/", taken: true},
		{name: "quoted option", source: entry(`signed-by="DIR/key.gpg"`), taken: true},
		{name: "the last of repeated options is good", source: entry("signed-by=DIR/none.gpg signed-by=DIR/key.gpg"), taken: true},
		{name: "the last of repeated options is bad", source: entry("signed-by=DIR/key.gpg signed-by=DIR/none.gpg")},
		{name: "one of two keyrings is missing", source: entry("signed-by=DIR/none.gpg,DIR/key.gpg")},
		{name: "quoted field", source: stanza + `Signed-By: "DIR/key.gpg"`},
		{name: "key block with dots", source: indented(" ."), taken: true},
		{name: "key block with blanks", source: indented(" "), taken: true},
		{name: "one field twice", source: stanza + "Signed-By: DIR/none.gpg\nSigned-By: DIR/key.gpg", taken: true, strict: fault.Refused},
		{name: "a byte order mark", key: `printf '\357\273\277' | cat - key.asc > k.asc`, source: entry("signed-by=DIR/k.asc")},
		{name: "a web page", key: `echo '<html>' > k.asc`, source: entry("signed-by=DIR/k.asc")},
		{name: "an empty keyring", key: `: > k.gpg`, source: entry("signed-by=DIR/k.gpg")},
		{name: "a keybox", key: `rm -f k.gpg; cp "$GNUPGHOME/pubring.kbx" k.gpg`, source: entry("signed-by=DIR/k.gpg"), taken: true, strict: fault.Keyring},
		{name: "armored, and called .gpg", key: `cp key.asc k.gpg`, source: entry("signed-by=DIR/k.gpg")},
		{name: "binary, and called .asc", key: `cp key.gpg k.asc`, source: entry("signed-by=DIR/k.asc")},
	}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			taken, said, patches, notes, errs := a.read(f)
			require.Equal(t, f.taken, taken, "apt itself: %s", said)
			for _, kind := range []string{"config", "lists"} {
				if f.taken && f.strict == "" {
					require.NoError(t, errs[kind], kind)
					require.Len(t, patches[kind], 1, "%s: %s", kind, notes)
					continue
				}
				require.Error(t, errs[kind], "%s: it is refused, and that is said", kind)
				require.Empty(t, patches[kind])
				require.True(t, f.strict == "" || fault.Is(errs[kind], f.strict), "%v", errs[kind])
			}
			if f.note == "" {
				require.Empty(t, notes)
			} else {
				require.Contains(t, notes, f.note)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
