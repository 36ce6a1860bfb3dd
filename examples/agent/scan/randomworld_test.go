package scan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// world is one random system.
type world struct {
	*system
	rng      *rand.Rand
	packages []*member
	offers   []offer
	settings string
	pins     []string
	report   Report // of the scan
}

// member is one package of the status file.
type member struct {
	dpkg.Package
	own     string // its architecture; "all"
	version string
	want    string
	state   string
	fields  string
}

// works reports whether some version of it ever worked.
func (m *member) works() bool {
	return m.state == "installed" || strings.HasPrefix(m.state, "triggers-") || strings.Contains(m.fields, "Config-Version: ")
}

type offer struct {
	suite   string
	pkg     dpkg.Package
	version string
	fields  string
}

var (
	oldVersions = []string{"1", "1.0-1", "1:0.1", "2~rc1", "2", "2.0-1+b1", "23.4-1", "24.1", "3~bpo12+1", "9"}
	newVersions = []string{"1", "1.0.1-1", "1:0.2", "1:1~beta", "2~rc1", "2~rc2", "2", "2.0-1+b2", "2.1", "24.1", "24.2-1", "25.0", "3~bpo12+1", "3~bpo12+2", "3"}
)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{system: newSystem(t), rng: rand.New(rand.NewPCG(seed, 19))}
	w.publish("bookworm", suite{})
	suites := []string{"bookworm"}
	for name, as := range map[string]suite{
		"bookworm-security":  {},
		"bookworm-updates":   {},
		"bookworm-backports": {notAutomatic: true, automaticUp: true},
		"rc-buggy":           {notAutomatic: true},
		"trixie":             {},
		"bookworm-esm":       {origin: "UbuntuESM", codename: "bookworm"},
		"vendor":             {repository: "vendor", origin: "Vendor"},
		"stable":             {repository: "other", origin: "none"},
		"untrusted":          {},
	} {
		w.publish(name, as)
		suites = append(suites, name)
	}
	slices.Sort(suites)
	suites = slices.DeleteFunc(suites, func(name string) bool {
		return name != "bookworm" && w.chance(50) || name == "untrusted" && w.chance(60)
	})
	w.settings = "APT::Machine-ID \"" + fmt.Sprintf("%032x", w.rng.Uint64()) + "\";\n"
	switch w.rng.IntN(6) {
	case 0, 1:
		w.settings = "APT::Get::Never-Include-Phased-Updates \"true\";\n"
	case 2:
		w.settings += "APT::Get::Always-Include-Phased-Updates \"true\";\n"
	case 3:
		w.settings += "APT::Default-Release \"bookworm\";\n"
	}
	w.write("etc/apt/apt.conf.d/phases", w.settings)
	dirty := w.chance(30)
	for i := range 5 + w.rng.IntN(9) {
		name := fmt.Sprintf("p%d", i)
		archs := []string{"amd64"}
		switch w.rng.IntN(8) {
		case 0:
			archs = []string{"all"}
		case 1:
			archs = []string{"i386"}
		case 2:
			archs = []string{"amd64", "i386"}
		}
		have := pick(w, oldVersions)
		for _, arch := range archs {
			w.packages = append(w.packages, w.member(name, arch, have, dirty))
		}
		for range w.rng.IntN(6) {
			to, fields := pick(w, newVersions), w.relations(i)
			name, in := name, pick(w, suites)
			if w.chance(8) {
				fields += fmt.Sprintf("Phased-Update-Percentage: %d\n", pick(w, []int{0, 0, 10, 50, 100}))
			}
			for _, arch := range archs {
				w.list(in, name, arch, to, fields)
			}
		}
	}
	for i := range 3 {
		w.list(pick(w, suites), fmt.Sprintf("new%d", i), "amd64", "1", "")
	}
	for range w.rng.IntN(5) {
		who := pick(w, []string{"*", "*", "p*", "/^p[0-4]$/", "p0", "p1", "p2", "p3", "p4 p5"})
		what := pick(w, []string{"version 24.*", "version 2*", "version 1*", "release o=Vendor", "release o=UbuntuESM", "release n=trixie", "release a=bookworm-backports",
			"release a=bookworm-security", "release n=bookworm", "release o=Debian", "release c=main", `origin ""`})
		priority := pick(w, []int{-32768, -1, 1, 100, 150, 400, 500, 600, 990, 1001})
		w.prefer(who, what, priority)
		w.pins = append(w.pins, fmt.Sprintf("%s: %s: %d", who, what, priority))
	}
	w.download()
	return w
}

// signers are the keys of this test process, by repository.
var signers = map[string]*openpgp.Entity{}

// download leaves what update would: hundreds of systems cost too much to
// publish and download for real.
func (w *world) download() {
	t := w.t
	w.write("var/lib/dpkg/status", w.status.String())
	w.write("etc/apt/preferences", w.preferences.String())
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(w.suites)) {
		as := w.suites[name]
		var sums string
		base := "copy:/" + cmp.Or(as.repository, "debian") + "/dists/" + name + "/"
		for _, arch := range []string{"amd64", "i386"} {
			text, has := w.lists[name+" "+arch]
			if !has {
				continue
			}
			path := "main/binary-" + arch + "/Packages"
			w.write("var/lib/apt/lists/"+debian.ListName(base+path), text)
			sums += fmt.Sprintf(" %x %d %s\n", sha256.Sum256([]byte(text)), len(text), path)
		}
		if sums == "" {
			continue
		}
		release := fmt.Sprintf("Suite: %s\nCodename: %s\nDate: %s\nArchitectures: amd64 i386\nComponents: main\n", name, cmp.Or(as.codename, name), time.Now().UTC().Format(time.RFC1123))
		if as.origin != "none" {
			release += "Origin: " + cmp.Or(as.origin, "Debian") + "\n"
		}
		if as.notAutomatic {
			release += "NotAutomatic: yes\n"
		}
		if as.automaticUp {
			release += "ButAutomaticUpgrades: yes\n"
		}
		signer := signers[as.repository]
		if signer == nil {
			var err error
			signer, err = openpgp.NewEntity("archive", as.repository, "archive@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
			require.NoError(t, err)
			signers[as.repository] = signer
		}
		var signed, key bytes.Buffer
		in, err := clearsign.Encode(&signed, signer.PrivateKey, nil)
		require.NoError(t, err)
		_, err = in.Write([]byte(release + "SHA256:\n" + sums))
		require.NoError(t, err)
		require.NoError(t, in.Close())
		w.write("var/lib/apt/lists/"+debian.ListName(base)+"InRelease", signed.String())
		require.NoError(t, signer.Serialize(&key))
		w.write("etc/apt/trusted.gpg.d/archive"+as.repository+".gpg", key.String())
		options := ""
		switch {
		case name == "untrusted":
			options = "[trusted=yes] "
		case as.repository != "":
			options = fmt.Sprintf("[signed-by=%X] ", signer.PrimaryKey.Fingerprint)
		}
		lines = append(lines, fmt.Sprintf("deb %scopy:/%s %s main\n", options, cmp.Or(as.repository, "debian"), name))
	}
	w.write("etc/apt/sources.list", strings.Join(lines, ""))
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

// member installs a package, in a state that an interrupted dpkg left if the
// system is dirty.
func (w *world) member(name, arch, have string, dirty bool) *member {
	m := &member{Package: dpkg.Package{Name: name, Arch: strings.Replace(arch, "all", "amd64", 1)}, own: arch, version: have, want: "install", state: "installed"}
	if w.chance(8) {
		m.want = "hold"
	}
	if w.chance(4) {
		m.fields += "Essential: yes\n"
	}
	flag := "ok"
	if w.chance(5) {
		m.want, m.state = "deinstall", "config-files"
	}
	if dirty && w.chance(25) {
		switch m.state = pick(w, []string{"half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"}); m.state {
		case "triggers-awaited":
			m.fields += "Triggers-Awaited: dpkg\n"
		case "triggers-pending":
			m.fields += "Triggers-Pending: /usr/share/x\n"
		case "half-installed":
			flag = "reinstreq"
			fallthrough
		default:
			if w.chance(50) {
				m.fields += "Config-Version: " + pick(w, []string{have, "0.1"}) + "\n"
			}
		}
	}
	same := "Multi-Arch: same\n"
	if arch == "all" {
		same = ""
	}
	fmt.Fprintf(&w.status, "Package: %s\nStatus: %s %s %s\nArchitecture: %s\n%sVersion: %s\n%sMaintainer: x <x@example.com>\nDescription: x\n\n", name, m.want, flag, m.state, arch, same, have, m.fields)
	return m
}

// relations are what a version of package i asks of others.
func (w *world) relations(i int) string {
	other := fmt.Sprintf("p%d", w.rng.IntN(14))
	if !w.chance(30) || other == fmt.Sprintf("p%d", i) {
		return ""
	}
	bound := pick(w, newVersions)
	switch w.rng.IntN(7) {
	case 0:
		return fmt.Sprintf("Depends: %s (>= %s)\n", other, bound)
	case 1:
		return fmt.Sprintf("Depends: new%d\n", w.rng.IntN(4))
	case 2:
		return fmt.Sprintf("Breaks: %s (<< %s)\n", other, bound)
	case 3:
		return fmt.Sprintf("Conflicts: %s\n", other)
	case 4:
		return fmt.Sprintf("Depends: %s (= %s)\n", other, bound)
	case 5:
		return fmt.Sprintf("Recommends: new%d\n", w.rng.IntN(4))
	default:
		return fmt.Sprintf("Pre-Depends: %s (>= %s) | new0\n", other, bound)
	}
}

// list offers a version once in a suite.
func (w *world) list(in, name, arch, to, fields string) {
	p := dpkg.Package{Name: name, Arch: strings.Replace(arch, "all", "amd64", 1)}
	if slices.ContainsFunc(w.offers, func(o offer) bool { return o.suite == in && o.pkg == p && o.version == to }) {
		return
	}
	for _, o := range w.offers { // apt cannot be asked for one of two builds of a version
		if o.pkg == p && o.version == to {
			fields = o.fields
		}
	}
	w.offers = append(w.offers, offer{in, p, to, fields})
	w.offer(in, name+":"+arch, to, strings.TrimSuffix(fields, "\n"))
}

// String shows the system.
func (w *world) String() string {
	var b strings.Builder
	b.WriteString(w.settings)
	for _, m := range w.packages {
		fmt.Fprintf(&b, "%s %s %s %s %q\n", m, m.version, m.want, m.state, m.fields)
	}
	for _, o := range w.offers {
		fmt.Fprintf(&b, "  %s lists %s %s %q\n", o.suite, o.pkg, o.version, o.fields)
	}
	for _, row := range w.report.Rows {
		fmt.Fprintf(&b, "  → %s:%s %s→%s %v %v\n", row.Package, row.Architecture, row.Installed, row.Available, row.Deployable, row.Reasons)
	}
	return b.String() + strings.Join(w.pins, "\n") + "\n" + strings.Join(w.report.Notes, "\n")
}
