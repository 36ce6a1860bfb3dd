package debian

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
)

// Release is what a Release file says about its suite.
type Release struct {
	Origin       string
	Label        string
	Suite        string
	Codename     string
	Version      string // of the distribution's release, like "12.5"
	NotAutomatic bool   // apt installs from it on request only
	Address      string // of the repository, by RepositoryOf; it identifies a repository that does not name itself
}

// ParseRelease reads the text of a Release or InRelease file. It verifies
// nothing: verify the text first if it must be genuine. The error says that the
// text is not a Release file.
func ParseRelease(text []byte, address string) (Release, error) {
	if signed, is := bytes.CutPrefix(text, []byte("-----BEGIN PGP SIGNED MESSAGE-----")); is {
		_, text, _ = bytes.Cut(bytes.ReplaceAll(signed, []byte("\r"), nil), []byte("\n\n"))
		text, _, _ = bytes.Cut(text, []byte("\n-----BEGIN PGP SIGNATURE-----"))
	}
	p, err := deb822.NewReader(bytes.NewReader(text)).Next()
	if err != nil {
		return Release{}, fmt.Errorf("it is not a Release file: %w", err)
	}
	r := ReleaseOf(p, address)
	if _, has := p.Lookup("Date"); !has && r == (Release{Version: r.Version, Address: address}) {
		return Release{}, errors.New("it is not a Release file: it has none of the fields Origin, Label, Suite, Codename and Date")
	}
	return r, nil
}

// ReleaseOf reads the paragraph of a Release file.
func ReleaseOf(p deb822.Paragraph, address string) Release {
	on, _ := ParseBool(p.Get("NotAutomatic"))
	return Release{
		Origin: p.Get("Origin"), Label: p.Get("Label"), Suite: p.Get("Suite"), Codename: p.Get("Codename"),
		Version: p.Get("Version"), NotAutomatic: on, Address: address,
	}
}

// ParseBool reads apt's words for yes and no. It is not ok for any other word.
func ParseBool(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "true", "with", "on", "enable", "1":
		return true, true
	case "no", "false", "without", "off", "disable", "0":
		return false, true
	default:
		return false, false
	}
}

// ListName returns apt's name for the file of an address in its directory of
// downloaded lists: without scheme and credentials, with "_" for "/", and with
// ambiguous characters escaped.
func ListName(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	host, path := strings.TrimPrefix(rest, "//"), ""
	end, inside := 0, false // "/" in brackets is no end: cdrom:[Debian GNU/Linux]/
	for ; end < len(host) && (host[end] != '/' || inside); end++ {
		inside = host[end] == '[' || inside && host[end] != ']'
	}
	host, path = host[:end], host[end:]
	host = host[strings.LastIndexByte(host, '@')+1:]
	host = strings.NewReplacer("[", "", "]", "").Replace(host)
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	var b strings.Builder
	for _, c := range []byte(host + path) {
		switch {
		case c == '/':
			b.WriteByte('_')
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\\|{}[]<>\"^~_=!@#$%&*", c) >= 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// RepositoryOf returns the address of the repository whose Release or InRelease
// file apt keeps under this name. It is the Release.Address on which server and
// asset agree.
func RepositoryOf(listName string) string {
	if at := strings.LastIndex(listName, "_dists_"); at >= 0 {
		listName = listName[:at]
	} else if at := strings.LastIndexByte(listName, '_'); at >= 0 {
		listName = strings.TrimRight(strings.TrimSuffix(listName[:at], "_."), "_") // flat: in its own directory
	}
	address := strings.ReplaceAll(listName, "_", "/")
	if plain, err := url.PathUnescape(address); err == nil {
		return plain
	}
	return address
}

// Channel returns the channel of the suite's packages (CAT-17). It depends only
// on what the repository says about itself, so that a server and every asset
// that uses the repository return the same.
//
//   - The updates and security suites of a release share its channel. A suite
//     that apt installs from on request only (NotAutomatic, like backports) is
//     a channel of its own.
//   - The channels of Debian and Ubuntu are codenames, like "bookworm".
//   - Any other is its origin, ":" and the codename, like "docker:bookworm".
//     The suite replaces a missing codename, and the address a missing suite.
//   - A repository that does not say whose it is, or says only what its hosting
//     program says for everyone, has its address as its origin:
//     "deb.vendor.example-node-20.x:nodistro".
func (r Release) Channel() string {
	origin := r.Origin
	for _, o := range []string{r.Origin, r.Label, r.Address} {
		if origin = o; !r.nameless(o) {
			break
		}
	}
	name := cmp.Or(r.Codename, r.Suite)
	switch {
	case name == "" && origin != r.Address && r.Address != "":
		name = r.Address // one vendor may have flat repositories for several distributions
	case name == "":
		name = "flat"
	case r.NotAutomatic && strings.HasPrefix(r.Suite, r.Codename+"-"):
		name = r.Suite // Ubuntu's: codename jammy, suite jammy-backports
	}
	name = plain(name)
	for _, suffix := range []string{"-security", "-updates", "-proposed"} {
		if base, has := strings.CutSuffix(name, suffix); has && base != "" && !r.NotAutomatic {
			name = base
		}
	}
	if lower := strings.ToLower(origin); lower == "debian" || lower == "ubuntu" {
		return name
	}
	return plain(origin) + ":" + name
}

// Ecosystem returns the name that OSV has for the suite's release:
// "Debian:12", "Ubuntu:22.04:LTS" (each April release of an even year), or
// "Ubuntu:23.10". The updates and security suites have that of their release.
// Empty: OSV does not speak of it, as of backports, of Debian without a
// number, and of other distributions.
func (r Release) Ecosystem() string {
	number, _, _ := strings.Cut(r.Version, "-") // "12-updates"
	major, minor, _ := strings.Cut(number, ".")
	if r.NotAutomatic || major == "" || strings.Trim(major+minor, "0123456789.") != "" {
		return ""
	}
	switch {
	case r.Origin == "Debian":
		return "Debian:" + major
	case r.Origin == "Ubuntu" && len(number) == len("22.04"):
		if minor == "04" && (major[1]-'0')%2 == 0 {
			number += ":LTS"
		}
		return "Ubuntu:" + number
	}
	return ""
}

// nameless reports whether an Origin or Label does not say whose the repository
// is: what aptly writes by default (". nodistro"), and what Artifactory writes
// for every customer.
func (r Release) nameless(origin string) bool {
	return strings.Trim(origin, " .") == "" || strings.EqualFold(origin, "Artifactory") ||
		strings.HasPrefix(origin, ". ") && (origin[2:] == r.Suite || origin[2:] == r.Codename)
}

// maxPart bounds a part of a channel in bytes, so that an id has room for the
// package and its version.
const maxPart = 48

// plain makes a part of an id: lower-case letters, digits, ".", "+" and "-". A
// text that is too long ends in its digest.
func plain(s string) string {
	mapped := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.+-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	mapped = strings.Trim(mapped, "-.")
	if len(mapped) > maxPart {
		sum := sha256.Sum256([]byte(s))
		mapped = mapped[:maxPart-9] + "-" + hex.EncodeToString(sum[:4])
	}
	return cmp.Or(mapped, "unnamed")
}
