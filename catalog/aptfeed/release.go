package aptfeed

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
)

// release is what is needed of a signed Release file.
type release struct {
	origin        string
	suite         string
	codename      string
	date          time.Time
	validUntil    time.Time // zero: it does not expire
	byHash        bool
	notAutomatic  bool // apt installs from it only on request
	archAll       bool // packages of architecture "all" have a list of their own
	architectures []string
	files         map[string]fileSum // the package lists, by path
}

// fileSum is what the Release file promises of one file.
type fileSum struct {
	size   int64
	sha256 string // lower-case hex
}

// parseRelease reads the verified text.
func parseRelease(text []byte, where string) (release, error) {
	r := deb822.NewReader(bytes.NewReader(text))
	p, err := r.Next()
	if err != nil {
		return release{}, fail(Malformed, where, err, "it is no Release file")
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return release{}, fail(Malformed, where, nil, "there is a second paragraph")
	}
	yes := func(field string) bool { on, _ := parseBool(p.Get(field)); return on }
	rel := release{
		origin:        p.Get("Origin"),
		suite:         p.Get("Suite"),
		codename:      p.Get("Codename"),
		byHash:        yes("Acquire-By-Hash"),
		notAutomatic:  yes("NotAutomatic"),
		architectures: strings.Fields(p.Get("Architectures")),
		files:         map[string]fileSum{},
	}
	rel.archAll = !strings.Contains(p.Get("No-Support-for-Architecture-all"), "Packages")
	if rel.date, err = parseDate(p.Get("Date")); err != nil {
		return release{}, fail(Malformed, where, err, "bad Date")
	}
	if until, has := p.Lookup("Valid-Until"); has {
		if rel.validUntil, err = parseDate(until.Value); err != nil {
			return release{}, fail(Malformed, where, err, "bad Valid-Until")
		}
	}
	sums, has := p.Lookup("SHA256")
	if !has {
		return release{}, fail(Unsupported, where, nil, "it has no SHA256 digests, and no other ones are trusted")
	}
	return rel, rel.addSums(sums, where)
}

// addSums reads lines of "digest size path", keeping the package lists.
func (rel release) addSums(field deb822.Field, where string) error {
	for line := range strings.SplitSeq(field.Value, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 {
			return fail(Malformed, where, nil, "bad line %.100q under SHA256: want digest, size and path", line)
		}
		base := path.Base(words[2])
		if base != "Packages" && base != "Packages.xz" && base != "Packages.gz" {
			continue
		}
		size, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || size < 0 || !isSHA256(words[0]) {
			return fail(Malformed, where, nil, "bad line %.100q under SHA256: want digest, size and path", line)
		}
		sum := fileSum{size, strings.ToLower(words[0])}
		if had, twice := rel.files[words[2]]; twice && had != sum {
			return fail(Malformed, where, nil, "%s has two digests", words[2])
		}
		rel.files[words[2]] = sum
	}
	return nil
}

func isSHA256(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 64
}

// parseDate reads the date format of Release files, RFC 1123 in UTC.
func parseDate(text string) (time.Time, error) {
	clock := strings.TrimSpace(text)
	for _, zone := range []string{"UTC", "GMT", "Z", "+0000"} {
		if before, has := strings.CutSuffix(clock, " "+zone); has {
			return time.Parse("Mon, _2 Jan 2006 15:04:05", before)
		}
	}
	return time.Time{}, errors.New(strconv.Quote(text) + " is no time in UTC, like \"Sat, 21 Nov 2026 00:53:02 UTC\"")
}

// check compares the Release file with what was asked for and with the clock. Last is the date of the newest one seen.
func (rel release) check(s source, now, last time.Time, ignoreValidUntil bool, where string) error {
	const layout = time.RFC3339
	switch {
	case rel.date.After(now.Add(MaxAhead)):
		return fail(NotYetValid, where, nil, "it is dated %s and it is %s here: check the clock", rel.date.Format(layout), now.UTC().Format(layout))
	case !rel.validUntil.IsZero() && now.After(rel.validUntil) && !ignoreValidUntil:
		return fail(Expired, where, nil, "it was valid until %s and it is %s here: the mirror is out of date, or somebody keeps updates back", rel.validUntil.Format(layout), now.UTC().Format(layout))
	case rel.date.Before(last):
		return fail(RolledBack, where, nil, "it is dated %s, but one of %s was seen before: the mirror lags behind, or somebody replays an old state", rel.date.Format(layout), last.Format(layout))
	case !rel.isSuite(s):
		return fail(WrongSuite, where, nil, "it is of suite %q, codename %q, not of %q", rel.suite, rel.codename, s.suite)
	}
	return nil
}

// isSuite reports whether the file is of the suite that was asked for: its Suite or Codename, of which the source's may go
// on after a slash ("buster/updates"). One that names neither, and a flat repository, is not held to it.
func (rel release) isSuite(s source) bool {
	if s.flat() || rel.suite == "" && rel.codename == "" {
		return true
	}
	return slices.ContainsFunc([]string{s.suite, path.Dir(s.suite)}, func(asked string) bool { return asked == rel.suite || asked == rel.codename })
}

// suffixes are those that a release's updates have after its codename.
var suffixes = []string{"-security", "-updates", "-proposed-updates"}

// baseCodename is the codename of the release that the suite belongs to.
func (rel release) baseCodename() string {
	name := cmp.Or(rel.codename, rel.suite)
	for _, suffix := range suffixes {
		if base, has := strings.CutSuffix(name, suffix); has && base != "" {
			return strings.TrimSuffix(base, "-proposed")
		}
	}
	return name
}

// security reports whether the suite is one of security updates.
func (r release) security() bool {
	return strings.HasSuffix(r.suite, "-security") || strings.HasSuffix(r.codename, "-security")
}

// vendor is the Origin, if it can be shown.
func (r release) vendor() string {
	if !showable(r.origin) {
		return ""
	}
	return r.origin
}
