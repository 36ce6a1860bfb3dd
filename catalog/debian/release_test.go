package debian_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
)

// Channels of repositories as they are in the world (CAT-17).
func TestChannel_CAT17(t *testing.T) {
	for _, tt := range []struct{ name, release, address, want string }{
		{"Debian", "Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: bookworm", "", "bookworm"},
		{"Debian security", "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nCodename: bookworm-security", "", "bookworm"},
		{"Debian security until buster", "Origin: Debian\nLabel: Debian-Security\nSuite: oldoldstable\nCodename: buster", "", "buster"},
		{"Debian security of long ago", "Origin: Debian\nSuite: stable\nCodename: jessie/updates", "", "jessie"},
		{"Debian updates", "Origin: Debian\nSuite: oldstable-updates\nCodename: bookworm-updates", "", "bookworm"},
		{"Debian proposed updates", "Origin: Debian\nSuite: oldstable-proposed-updates\nCodename: bookworm-proposed-updates", "", "bookworm"},
		{"Debian backports", "Origin: Debian Backports\nLabel: Debian Backports\nSuite: oldstable-backports\nCodename: bookworm-backports\nNotAutomatic: yes\nButAutomaticUpgrades: yes", "", "debian-backports:bookworm-backports"},
		{"Debian backports, by Debian", "Origin: Debian\nSuite: oldstable-backports\nCodename: bookworm-backports\nNotAutomatic: yes", "", "bookworm-backports"},
		{"Debian sid", "Origin: Debian\nSuite: unstable\nCodename: sid", "", "sid"},
		{"Debian testing", "Origin: Debian\nSuite: testing\nCodename: forky", "", "forky"},
		{"Debian experimental", "Origin: Debian\nSuite: experimental\nCodename: rc-buggy\nNotAutomatic: yes", "", "rc-buggy"},
		{"Debian without a codename", "Origin: Debian\nSuite: stable", "", "stable"},
		{"not automatic, without a codename", "Origin: Debian\nSuite: bookworm-backports\nNotAutomatic: 1", "", "bookworm-backports"},
		{"Ubuntu", "Origin: Ubuntu\nLabel: Ubuntu\nSuite: jammy\nCodename: jammy", "", "jammy"},
		{"Ubuntu security", "Origin: Ubuntu\nSuite: jammy-security\nCodename: jammy", "", "jammy"},
		{"Ubuntu updates", "Origin: Ubuntu\nSuite: jammy-updates\nCodename: jammy", "", "jammy"},
		{"Ubuntu backports", "Origin: Ubuntu\nSuite: jammy-backports\nCodename: jammy\nNotAutomatic: yes\nButAutomaticUpgrades: yes", "", "jammy-backports"},
		{"Ubuntu proposed", "Origin: Ubuntu\nSuite: noble-proposed\nCodename: noble\nNotAutomatic: yes\nButAutomaticUpgrades: yes", "", "noble-proposed"},
		{"Ubuntu Pro, infra", "Origin: UbuntuESM\nLabel: UbuntuESM\nSuite: jammy-infra-security\nCodename: jammy", "", "ubuntuesm:jammy"},
		{"Ubuntu Pro, infra updates", "Origin: UbuntuESM\nSuite: jammy-infra-updates\nCodename: jammy", "", "ubuntuesm:jammy"},
		{"Ubuntu Pro, apps", "Origin: UbuntuESMApps\nSuite: jammy-apps-security\nCodename: jammy", "", "ubuntuesmapps:jammy"},
		{"NodeSource", "Origin: . nodistro\nLabel: . nodistro\nSuite: nodistro\nCodename: nodistro", "deb.example.com/node_20.x", "deb.example.com-node-20.x:nodistro"},
		{"NodeSource, another line", "Origin: . nodistro\nLabel: . nodistro\nSuite: nodistro\nCodename: nodistro", "deb.example.com/node_22.x", "deb.example.com-node-22.x:nodistro"},
		{"PGDG", "Origin: apt.vendor.example\nLabel: PostgreSQL for Debian/Ubuntu repository\nSuite: bookworm-pgdg\nCodename: bookworm-pgdg", "", "apt.vendor.example:bookworm-pgdg"},
		{"PGDG testing", "Origin: apt.vendor.example\nSuite: bookworm-pgdg-testing\nCodename: bookworm-pgdg-testing\nNotAutomatic: yes", "", "apt.vendor.example:bookworm-pgdg-testing"},
		{"Docker", "Origin: Docker\nLabel: Docker CE\nSuite: bookworm\nArchitectures: amd64", "", "docker:bookworm"},
		{"Google Chrome", "Origin: Google LLC\nLabel: Google\nSuite: stable\nCodename: stable", "", "google-llc:stable"},
		{"Google Cloud", "Origin: cloud-sdk-bookworm\nLabel: cloud-sdk-bookworm\nSuite: cloud-sdk-bookworm\nCodename: cloud-sdk-bookworm", "", "cloud-sdk-bookworm:cloud-sdk-bookworm"},
		{"HashiCorp", "Origin: Artifactory\nLabel: Artifactory\nSuite: bookworm\nCodename: bookworm", "apt.example.com", "apt.example.com:bookworm"},
		{"Microsoft", "Origin: microsoft-debian-bookworm-prod bookworm\nLabel: microsoft-debian-bookworm-prod bookworm\nSuite: bookworm\nCodename: bookworm", "", "microsoft-debian-bookworm-prod-bookworm:bookworm"},
		{"a Launchpad PPA", "Origin: LP-PPA-deadsnakes\nLabel: New Python Versions\nSuite: jammy\nCodename: jammy", "", "lp-ppa-deadsnakes:jammy"},
		{"Raspbian", "Origin: Raspbian\nLabel: Raspbian\nSuite: oldstable\nCodename: bookworm", "", "raspbian:bookworm"},
		{"Raspberry Pi", "Origin: Raspberry Pi Foundation\nSuite: stable\nCodename: bookworm", "", "raspberry-pi-foundation:bookworm"},
		{"Kali", "Origin: Kali\nLabel: Kali\nSuite: kali-rolling\nCodename: kali-rolling", "", "kali:kali-rolling"},
		{"Devuan security", "Origin: Devuan\nSuite: stable-security\nCodename: daedalus-security", "", "devuan:daedalus"},
		{"flat, an origin alone", "Origin: NVIDIA\nLabel: NVIDIA CUDA\nDate: x", "d.example.com/cuda/repos/debian12/x86_64", "nvidia:d.example.com-cuda-repos-debian12-x86-64"},
		{"flat, an origin alone, another release", "Origin: NVIDIA\nLabel: NVIDIA CUDA\nDate: x", "d.example.com/cuda/repos/ubuntu2204/x86_64", "nvidia:d.example.com-cuda-repos-ubuntu2204-x86-64"},
		{"a label alone", "Label: My Own\nCodename: bookworm", "h/x", "my-own:bookworm"},
		{"neither origin nor label", "Suite: stable", "r.example.com/debian", "r.example.com-debian:stable"},
		{"nothing at all", "Date: x", "r.example.com/debian", "r.example.com-debian:flat"},
		{"long names stay apart", "Origin: obs://build.example.org/isv:kubernetes:core:prerelease:v1.28/deb\nSuite: x", "", "obs---build.example.org-isv-kubernetes--0244ead0:x"},
		{"a name like Debian's is not Debian", "Origin: Debian!\nCodename: bookworm", "", "debian:bookworm"},
		{"field names in any case", "ORIGIN: debian\ncodename: bookworm", "", "bookworm"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := debian.ParseRelease([]byte(tt.release+"\n"), tt.address)
			require.NoError(t, err)
			require.Equal(t, tt.want, r.Channel())
		})
	}
}

func TestParseRelease(t *testing.T) {
	text := "Origin: Debian\nSuite: stable\nCodename: bookworm\nNotAutomatic: yes\nSHA256:\n x 1 y\n"
	want := debian.Release{Origin: "Debian", Suite: "stable", Codename: "bookworm", NotAutomatic: true, Address: "h/x"}
	signed := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + text + "-----BEGIN PGP SIGNATURE-----\n\nxyz\n-----END PGP SIGNATURE-----\n"
	for _, form := range []string{text, signed, strings.ReplaceAll(signed, "\n", "\r\n")} {
		got, err := debian.ParseRelease([]byte(form), "h/x")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "hello", "A: b\n", "-----BEGIN PGP SIGNED MESSAGE-----"} {
		_, err := debian.ParseRelease([]byte(bad), "h/x")
		require.ErrorContains(t, err, "not a Release file")
	}
}

// The name that apt gives a file leads back to the repository's address, whatever fetched it.
func TestRepositoryOf(t *testing.T) {
	for _, tt := range []struct{ uri, name, repository string }{
		{"https://user:token@h.example/a_b/~c/dists/bookworm/InRelease", "h.example_a%5fb_%7ec_dists_bookworm_InRelease", "h.example/a_b/~c"},
		{"http://127.0.0.1:80/x%20y/dists/buster/updates/Release", "127.0.0.1:80_x%20y_dists_buster_updates_Release", "127.0.0.1:80/x y"},
		{"https://h.example/flat/./InRelease", "h.example_flat_._InRelease", "h.example/flat"},
		{"https://h.example/flat/sub/InRelease", "h.example_flat_sub_InRelease", "h.example/flat/sub"},
		{"https://h.example/flat//InRelease", "h.example_flat__InRelease", "h.example/flat"},
		{"mirror+file:/etc/apt/mirrors.txt/dists/jammy/InRelease", "_etc_apt_mirrors.txt_dists_jammy_InRelease", "/etc/apt/mirrors.txt"},
		{"file:///srv/r/dists/b/Release", "_srv_r_dists_b_Release", "/srv/r"},
		{"cdrom:[Debian GNU/Linux 12 _Bookworm_ 10:03]/dists/b/Release", "Debian%20GNU_Linux%2012%20%5fBookworm%5f%2010:03_dists_b_Release", "Debian GNU/Linux 12 _Bookworm_ 10:03"},
	} {
		require.Equal(t, tt.name, debian.ListName(tt.uri))
		require.Equal(t, tt.repository, debian.RepositoryOf(tt.name))
	}
}

func FuzzParseRelease(f *testing.F) {
	f.Add([]byte("Origin: . x\nSuite: x\n"), "h/x")
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\n\nLabel: y\n"), "")
	f.Fuzz(func(t *testing.T, text []byte, address string) {
		r, err := debian.ParseRelease(text, address)
		if err != nil {
			return
		}
		channel := r.Channel()
		require.LessOrEqual(t, len(channel), 2*48+1)
		_, _, name, ok := debian.SplitProductID(debian.ProductID(channel, "amd64", "hare"))
		require.True(t, ok && name == "hare", channel)
		debian.RepositoryOf(debian.ListName(address))
	})
}

// Advisories name a release as OSV does (CAT-18).
func TestEcosystem_CAT18(t *testing.T) {
	for release, want := range map[string]string{
		"Origin: Debian\nVersion: 12.15\nCodename: bookworm":                            "Debian:12",
		"Origin: Debian\nVersion: 12\nCodename: bookworm-security":                      "Debian:12",
		"Origin: Debian\nVersion: 12-updates\nCodename: bookworm-updates":               "Debian:12",
		"Origin: Debian\nCodename: sid":                                                 "",
		"Origin: Debian Backports\nVersion: 12-backports\nCodename: bookworm-backports": "",
		"Origin: Debian\nVersion: 12\nNotAutomatic: yes":                                "",
		"Origin: Debian\nVersion: stable":                                               "",
		"Origin: Ubuntu\nVersion: 22.04\nSuite: jammy-security":                         "Ubuntu:22.04:LTS",
		"Origin: Ubuntu\nVersion: 23.04":                                                "Ubuntu:23.04",
		"Origin: Ubuntu\nVersion: 24.10":                                                "Ubuntu:24.10",
		"Origin: Ubuntu\nVersion: .22.4":                                                "",
		"Origin: UbuntuESM\nVersion: 22.04":                                             "",
		"Origin: Kali\nVersion: 2026.1":                                                 "",
		"Version: 12\nDate: x":                                                          "",
	} {
		r, err := debian.ParseRelease([]byte(release+"\n"), "")
		require.NoError(t, err)
		require.Equal(t, want, r.Ecosystem(), release)
	}
}
