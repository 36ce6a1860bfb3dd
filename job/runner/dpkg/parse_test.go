package dpkg

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestPinsAreWhatAptPrefersBelowTheNewest_CAT5(t *testing.T) {
	const policy = `newest:
  Installed: 1.0-1
  Candidate: 2.0-1
  Version table:
     2.0-1 500
        500 http://mirror.example/debian stable/main amd64 Packages
 *** 1.0-1 100
        100 /var/lib/dpkg/status
pinned:
  Installed: 1.0-1
  Candidate: 1.5-1
  Version table:
     2.0-1 100
        100 http://mirror.example/debian backports/main amd64 Packages
     1.5-1 1001
       1001 http://mirror.example/debian stable/main amd64 Packages
 *** 1.0-1 100
        100 /var/lib/dpkg/status
forbidden:
  Installed: 1:1.0
  Candidate: (none)
  Version table:
     1:3.0 -32768
     -32768 http://mirror.example/debian stable/main amd64 Packages
 *** 1:1.0 -1
        100 /var/lib/dpkg/status
foreign:i386:
  Installed: 1
  Candidate: 1
  Package pin: 1
  Version table:
     2 990
        500 http://mirror.example/debian stable/main i386 Packages
 *** 1 990
        100 /var/lib/dpkg/status
local:
  Installed: 9
  Candidate: 9
  Version table:
 *** 9 100
        100 /var/lib/dpkg/status
unknown:
  Installed: (none)
  Candidate: (none)
  Version table:
`
	a := &Apt{p: &Platform{cfg: Config{Root: t.TempDir()}, native: "amd64"}, channels: map[string]string{
		"http://mirror.example/debian stable/main": "bookworm", "http://mirror.example/debian backports/main": "bookworm-backports"}}
	all := map[Package]Choice{}
	for _, name := range []string{"newest", "pinned", "forbidden", "foreign:i386", "local", "unknown"} {
		all[a.parse(name)] = Choice{}
	}
	require.False(t, a.readPolicy(policy, all))
	pins := map[string]string{}
	for p, c := range all {
		if pin := c.prefers(); pin != "" {
			pins[p.String()] = pin
		}
	}
	require.Equal(t, map[string]string{"pinned:amd64": "1.5-1", "forbidden:amd64": "1:1.0", "foreign:i386": "1"}, pins)
	require.Equal(t, map[string]bool{"bookworm": true, "bookworm-backports": true}, all[a.parse("pinned")].channels)
	require.Equal(t, map[string]bool{"bookworm": true}, all[a.parse("forbidden")].channels)
	require.Empty(t, all[a.parse("local")].channels)
}

func TestKernelPackagesOfTheRunningKernelNeedAReboot_RBT2(t *testing.T) {
	const running = "6.1.0-35-amd64"
	for name, want := range map[string]bool{
		"linux-image-6.1.0-35-amd64":          true,
		"linux-image-unsigned-6.1.0-35-amd64": true,
		"linux-image-6.1.0-37-amd64":          true,
		"linux-image-6.1.0-9-amd64":           false,
		"linux-image-amd64":                   false,
		"linux-headers-6.1.0-35-amd64":        false,
		"bash":                                false,
	} {
		require.Equal(t, want, kernelNeedsReboot(name, running), name)
		require.False(t, kernelNeedsReboot(name, ""), "in a root folder no kernel runs")
	}
}

func TestSessionsOfLogind_RBT5_RBT9(t *testing.T) {
	for shown, want := range map[string]reboot.Sessions{
		"": reboot.Nobody,
		"Class=user\nState=active\nLockedHint=no\n":                                                  reboot.Active,
		"Class=user\nState=online\nLockedHint=yes\n":                                                 reboot.Locked,
		"Class=user\nState=online\nLockedHint=yes\n\nClass=user\nState=active\nLockedHint=no\n":      reboot.Active,
		"Class=greeter\nState=active\nLockedHint=no\n\nClass=manager\nState=active\nLockedHint=no\n": reboot.Nobody,
		"Class=user\nState=closing\nLockedHint=no\n":                                                 reboot.Nobody,
		"Class=something-new\nState=active\nLockedHint=no\n":                                         reboot.Active,
	} {
		require.Equal(t, want, parseSessions(shown, strings.Count(shown, "State=")), shown)
	}
	const greeter = "Class=greeter\nState=online\nLockedHint=no\n"
	require.Equal(t, reboot.Nobody, parseSessions(greeter, 1))
	require.Equal(t, reboot.Unknown, parseSessions(greeter, 2), "one is not described")
	require.Equal(t, reboot.Unknown, parseSessions("", 1))
}

func TestSessionsOfUtmp_RBT9(t *testing.T) {
	record := func(kind uint16, user string) []byte {
		b := make([]byte, utmpRecord)
		binary.NativeEndian.PutUint16(b, kind)
		copy(b[utmpUser:], user)
		return b
	}
	require.Equal(t, reboot.Unknown, parseUtmp(nil), "nobody writes it")
	require.Equal(t, reboot.Nobody, parseUtmp(record(2, "reboot")))
	require.Equal(t, reboot.Nobody, parseUtmp(record(8, "anna")), "a session that ended")
	require.Equal(t, reboot.Active, parseUtmp(bytes.Join([][]byte{record(2, "reboot"), record(7, "anna")}, nil)))
	require.Equal(t, reboot.Unknown, parseUtmp(record(7, "anna")[:100]))
}

const status = `Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: held
Status: hold ok installed
Architecture: all
Version: 1:2-3
Depends: dpkg (>= 1),
 other

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: broken
Status: install ok half-configured
Architecture: amd64
Version: 2
Config-Version: 1

Package: odd
Status: nonsense

`

// files makes a root of some files.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range content {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func TestDatabaseIsReadWithItsJournal_JOB17(t *testing.T) {
	root := files(t, map[string]string{
		"var/lib/dpkg/status":        status,
		"var/lib/dpkg/updates/0000":  "Package: held\nStatus: install ok unpacked\nArchitecture: all\nVersion: 1:2-4\n",
		"var/lib/dpkg/updates/0001":  "Package: held\nStatus: install ok installed\nArchitecture: all\nVersion: 1:2-4\n",
		"var/lib/dpkg/updates/tmp.i": "half a parag",
	})
	db, err := readDatabase(root, "amd64")
	require.NoError(t, err)
	require.True(t, db.journal)
	require.True(t, db.dirty())
	require.Len(t, db.problems, 1)
	held, ok := db.find("amd64", "held")
	require.True(t, ok)
	require.Equal(t, "1:2-4", held.version, "the journal is newer than the status")
	require.True(t, held.installed())
	require.False(t, held.held())
	broken, _ := db.find("amd64", "broken")
	require.True(t, broken.present() && broken.unfinished() && !broken.installed())
	require.Equal(t, []string{"1", "1:2-4", ""}, []string{broken.works(), held.works(), entry{version: "2", state: "unpacked"}.works()})
	gone, ok := db.find("amd64", "removed")
	require.True(t, ok)
	require.False(t, gone.present())
	_, ok = db.find("arm64", "held")
	require.False(t, ok)
	settled, err := settled(root)
	require.NoError(t, err)
	require.Equal(t, "Status: install ok installed\nPackage: dpkg\nArchitecture: amd64\nVersion: 1.21.22\n\n"+
		"Status: install ok installed\nPackage: held\nArchitecture: all\nVersion: 1:2-4\n\n"+
		"Status: install ok installed\nPackage: broken\nArchitecture: amd64\nVersion: 2\nConfig-Version: 1\n\n", string(settled))
}

func TestDatabaseThatIsNotThere(t *testing.T) {
	_, err := readDatabase(t.TempDir(), "amd64")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "the package database of")
}

func FuzzDatabase(f *testing.F) {
	f.Add(status)
	f.Add("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nDepends: b\n c\n .\n")
	f.Fuzz(func(t *testing.T, text string) {
		root := files(t, map[string]string{statusFile: text})
		db, err := readDatabase(root, "amd64")
		require.NoError(t, err)
		// What is written for apt is read back with the same packages.
		settled, err := settled(root)
		require.NoError(t, err)
		again, err := readDatabase(files(t, map[string]string{statusFile: string(settled)}), "amd64")
		require.NoError(t, err)
		require.Empty(t, again.problems)
		present := 0
		for _, e := range db.entries {
			if e.present() {
				present++
			}
		}
		require.Len(t, again.entries, present)
	})
}

func FuzzAptOutput(f *testing.F) {
	f.Add("a:\n  Installed: 1\n  Candidate: 2\n  Version table:\n     2 500 (phased 10%)\n        500 http://x y/z amd64 Packages\n *** 1 100\n")
	f.Add("The following packages will be upgraded:\n   a (1 => 2)\nE: x\n")
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		a := &Apt{p: &Platform{cfg: Config{Root: root}, native: "amd64"}, channels: map[string]string{}}
		all := map[Package]Choice{{"a", "amd64"}: {Installed: "1"}}
		_ = a.readPolicy(text, all)
		require.Len(t, all, 1)
		for p, version := range a.readPlan(text).Upgrades {
			require.NotEmpty(t, p.Name+p.Arch+version)
		}
	})
}

func TestReadPlan(t *testing.T) {
	a := &Apt{p: &Platform{native: "amd64"}}
	require.Equal(t, Plan{
		Upgrades: map[Package]string{{"libc6", "amd64"}: "2.36-9+deb12u1", {"foreign", "i386"}: "1:2", {"held", "amd64"}: "2", {"back", "amd64"}: "1"},
		Added:    []string{"newcomer"}, Removed: []string{"gone", "purged"},
	}, a.readPlan(`Reading package lists...
The following additional packages will be installed:
   newcomer (1.0)
The following upgrades have been deferred due to phasing:
   one (1 => 2)
The following packages have been kept back:
   two:i386 (1 => 2)
The following NEW packages will be installed:
   newcomer (1.0)
The following packages will be REMOVED:
   gone (1.0)
   purged* (1.0)
The following held packages will be changed:
   held (1 => 2)
The following packages will be upgraded:
   libc6 (2.36-9 => 2.36-9+deb12u1)
   foreign:i386 (1 => 1:2)
The following packages will be DOWNGRADED:
   back (2 => 1)
4 upgraded, 1 newly installed, 2 to remove and 2 not upgraded.
'http://mirror.example/debian/libc6.deb' libc6.deb 100 SHA256:00
`))
	p := a.readPlan("The following packages have unmet dependencies:\n unmet : Depends: nowhere but it is not installable\n         Depends: x\nE: Unable to correct problems, you have held broken packages.\n")
	require.Equal(t, "unmet : Depends: nowhere but it is not installable; Depends: x", p.Failed)
	require.Equal(t, "Unable to locate package x", a.readPlan("E: Unable to locate package x\n").Failed)
}

func TestReadSourceless(t *testing.T) {
	a := &Apt{p: &Platform{native: "amd64"}}
	without := "E: Can't find a source to download version '2.36-9+deb12u1' of 'libc6:amd64'\nE: Can't find a source to download version '1:2' of 'foreign:i386'\n"
	upgrades, sure := a.readSourceless("Reading package lists...\nW: A warning\n" + without)
	require.True(t, sure)
	require.Equal(t, map[Package]string{{"libc6", "amd64"}: "2.36-9+deb12u1", {"foreign", "i386"}: "1:2"}, upgrades)
	for _, other := range []string{
		"E: You have held broken packages.\n",
		"E: Can't find a source to download version '2' of libc6\n",
		"E: Can't find a source to download version '2\n",
	} {
		_, sure := a.readSourceless(without + other)
		require.False(t, sure, other)
	}
}

func TestFailureTextsAreThePackagesOwn(t *testing.T) {
	ran := transcript{output: `Setting up one (2) ...
one's last words
dpkg: error processing package one (--install):
 installed one package post-installation script subprocess returned error exit status 1
Setting up one-more (2) ...
dpkg: dependency problems prevent configuration of two:
 two depends on one (>= 2); however:
  Package one is not configured yet.

Errors were encountered while processing:
 one
`}
	why, last := ran.about("one")
	require.Equal(t, "one's last words\ndpkg: error processing package one (--install):\n installed one package post-installation script subprocess returned error exit status 1", why)
	require.Equal(t, "one's last words", last)
	why, last = ran.about("two")
	require.Contains(t, why, "two depends on one (>= 2)")
	require.Equal(t, "Package one is not configured yet.", last)
	why, last = ran.about("one-more")
	require.Empty(t, why+last)
}

func TestLastLinesCutAtALine(t *testing.T) {
	require.Equal(t, "short", lastLines(" short\n", 10))
	require.Equal(t, "… third", lastLines("first\nsecond\nthird\n", 9))
}

func TestAnnouncementsSayWhatAUserNeeds_RBT3_RBT12(t *testing.T) {
	p := execution.Prompt{Kind: reboot.ShowPrompt{Remaining: 2}, Job: "patchday", For: []string{"curl", "openssl"}, More: 3,
		Last: time.Date(2026, 3, 2, 14, 20, 0, 0, time.UTC)}
	zone := time.FixedZone("CET", 3600)
	text := announcement(p, zone)
	for _, want := range []string{"put it off 2 more times", "Job patchday", "curl, openssl", "and 3 more", "at the latest until Mon 2 Mar 15:20 CET"} {
		require.Contains(t, text, want)
	}
	p.Kind = reboot.ShowCountdown{Left: 5 * time.Minute}
	text = announcement(p, zone)
	for _, want := range []string{"reboots in 5m0s, on Mon 2 Mar 15:20 CET", "Job patchday", "and 3 more"} {
		require.Contains(t, text, want)
	}
	require.Empty(t, announcement(execution.Prompt{Kind: reboot.ClearPrompt{}}, zone))
}
