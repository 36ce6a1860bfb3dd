package versions

import (
	"cmp"
	"strconv"
	"strings"

	masterminds "github.com/Masterminds/semver/v3"
	blang "github.com/blang/semver/v4"
	cavaliergopher "github.com/cavaliergopher/rpm"
	osv "github.com/google/osv-scalibr/semantic"
	hashicorp "github.com/hashicorp/go-version"
	knqyfapk "github.com/knqyf263/go-apk-version"
	knqyfdeb "github.com/knqyf263/go-deb-version"
	knqyfrpm "github.com/knqyf263/go-rpm-version"
	sassoftware "github.com/sassoftware/go-rpmutils"
	"github.com/stretchr/testify/require"
	xmod "golang.org/x/mod/semver"
	paultag "pault.ag/go/debian/version"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// peer is another implementation of a scheme's order.
type peer struct {
	scheme  version.Scheme
	name    string
	compare func(a, b string) int
	wrong   [2]string // the first is older, and the peer says something else; empty: it is correct
}

// parsing makes a peer of one that parses and then compares.
func parsing[V any](s version.Scheme, name string, parse func(string) (V, error), order func(a, b V) int, wrong ...string) peer {
	must := func(text string) V {
		v, err := parse(text)
		if err != nil {
			panic(name + " refuses " + text + ": " + err.Error())
		}
		return v
	}
	p := peer{scheme: s, name: name}
	p.compare = func(a, b string) int { return sign(order(must(a), must(b))) }
	copy(p.wrong[:], wrong)
	return p
}

func sign(n int) int { return cmp.Compare(n, 0) }

// evr compares epoch, version and release with what compares one of them.
func evr(part func(a, b string) int) func(a, b string) int {
	split := func(s string) (epoch int, version, release string) {
		if e, rest, has := strings.Cut(s, ":"); has {
			epoch, _ = strconv.Atoi(e)
			s = rest
		}
		version, release, _ = strings.Cut(s, "-")
		return epoch, version, release
	}
	return func(a, b string) int {
		ae, av, ar := split(a)
		be, bv, br := split(b)
		if order := cmp.Or(cmp.Compare(ae, be), part(av, bv)); order != 0 {
			return order
		}
		return part(ar, br)
	}
}

func osvPeer(s version.Scheme, ecosystem string, wrong ...string) peer {
	p := peer{scheme: s, name: "google/osv-scalibr", compare: func(a, b string) int {
		order, err := osv.MustParse(a, ecosystem).CompareStr(b)
		if err != nil {
			panic(err)
		}
		return order
	}}
	copy(p.wrong[:], wrong)
	return p
}

var peers = []peer{
	{scheme: version.Semver, name: "golang.org/x/mod", compare: func(a, b string) int { return xmod.Compare("v"+a, "v"+b) }},
	parsing(version.Semver, "Masterminds/semver", masterminds.StrictNewVersion, (*masterminds.Version).Compare),
	parsing(version.Semver, "blang/semver", blang.Parse, blang.Version.Compare),
	parsing(version.Semver, "hashicorp/go-version", hashicorp.NewSemver, (*hashicorp.Version).Compare, "1.0.0-incubating", "1.0.0-incubating.M3"),
	osvPeer(version.Semver, "npm", "2.3.0-2", "2.3.0--2"),
	parsing(version.Debian, "knqyf263/go-deb-version", knqyfdeb.NewVersion, func(a, b knqyfdeb.Version) int { return a.Compare(b) }),
	parsing(version.Debian, "pault.ag/go/debian", paultag.Parse, func(a, b paultag.Version) int { return paultag.Compare(a, b) }),
	osvPeer(version.Debian, "Debian"),
	parsing(version.Rpm, "knqyf263/go-rpm-version", func(s string) (knqyfrpm.Version, error) { return knqyfrpm.NewVersion(s), nil }, knqyfrpm.Version.Compare, "0", "0-~"),
	{scheme: version.Rpm, name: "sassoftware/go-rpmutils", compare: evr(sassoftware.Vercmp), wrong: [2]string{"0", "0^"}},
	{scheme: version.Rpm, name: "cavaliergopher/rpm", compare: evr(cavaliergopher.CompareVersions), wrong: [2]string{"0", "0^"}},
	osvPeer(version.Rpm, "Red Hat"),
	parsing(version.Apk, "knqyf263/go-apk-version", knqyfapk.NewVersion, func(a, b knqyfapk.Version) int { return a.Compare(b) }, "8.0-r0", "8.00-r0"),
	osvPeer(version.Apk, "Alpine", "3", "3.0"),
}

func must(t require.TestingT, s version.Scheme, text string) version.Version {
	v, err := version.Parse(s, text)
	require.NoError(t, err)
	return v
}
