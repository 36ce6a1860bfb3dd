package aptfeed

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/integrity"
)

type release struct {
	debian.Release
	date          time.Time // zero: missing or unreadable
	validUntil    time.Time // zero: it does not expire
	byHash        bool
	archAll       bool // packages of architecture "all" have their own list
	architectures []string
	files         map[string]repository.FileSum // the package lists, by path
	notes         fetch.Rejects                 // what a person should know
}

// digestFields are the fields whose digests carry trust, the preferred one
// first (INT-7).
var digestFields = []struct {
	name      string
	algorithm integrity.Algorithm
}{{"SHA256", integrity.SHA256}, {"SHA512", integrity.SHA512}}

// parseRelease reads the verified text of the repository at the address.
func parseRelease(text []byte, address, where string) (release, error) {
	r := deb822.NewReader(bytes.NewReader(text))
	p, err := r.Next()
	if err != nil {
		return release{}, fault.New(fault.Malformed, where, err, "it is not a Release file")
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return release{}, fault.New(fault.Malformed, where, nil, "it has a second paragraph")
	}
	rel := release{
		Release:       debian.ReleaseOf(p, address),
		architectures: strings.Fields(p.Get("Architectures")),
		files:         map[string]repository.FileSum{},
	}
	rel.byHash, _ = debian.ParseBool(p.Get("Acquire-By-Hash"))
	rel.archAll = !strings.Contains(p.Get("No-Support-for-Architecture-all"), "Packages")
	if rel.date, err = parseDate(p.Get("Date")); err != nil {
		rel.notes.Add("the Release file", fmt.Sprintf("its Date %v: whether it is current is unknown", err))
	}
	if until, has := p.Lookup("Valid-Until"); has {
		if rel.validUntil, err = parseDate(until.Value); err != nil {
			return release{}, fault.New(fault.Malformed, where, nil, "its Valid-Until %v", err)
		}
	}
	found := false
	for _, f := range digestFields {
		sums, has := p.Lookup(f.name)
		if found = found || has; has {
			if err := rel.addSums(sums, f.algorithm, where); err != nil {
				return release{}, err
			}
		}
	}
	if !found {
		return release{}, fault.New(fault.Unsupported, where, nil, "it has no SHA256 or SHA512 digests, and no others are trusted")
	}
	return rel, nil
}

// addSums reads lines of "digest size path". It keeps the package lists without
// a better digest so far.
func (rel release) addSums(field deb822.Field, algorithm integrity.Algorithm, where string) error {
	for line := range strings.SplitSeq(field.Value, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) == 3 && !isList(words[2]) {
			continue
		}
		if len(words) != 3 || !repository.IsHex(words[0], algorithm) {
			return fault.New(fault.Malformed, where, nil, "bad line %.100q under %s: want digest, size and path", line, field.Name)
		}
		size, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || size < 0 {
			return fault.New(fault.Malformed, where, nil, "bad line %.100q under %s: want digest, size and path", line, field.Name)
		}
		sum := repository.FileSum{Size: size, Digest: integrity.Digest{Algorithm: algorithm, Sum: strings.ToLower(words[0])}}
		had, twice := rel.files[words[2]]
		if twice && (had.Size != size || had.Digest.Algorithm == algorithm && had != sum) {
			return fault.New(fault.Malformed, where, nil, "%s has two digests or sizes", words[2])
		}
		if !twice {
			rel.files[words[2]] = sum
		}
	}
	return nil
}

// isList reports whether the path is that of a package list in a readable form.
func isList(file string) bool {
	extension, is := strings.CutPrefix(path.Base(file), "Packages")
	return is && slices.Contains(fetchedAs, extension)
}

// parseDate reads a date of a Release file as apt does, in UTC. The forms are
// those of RFC 1123, RFC 850 and C's asctime, which has no zone. The error
// continues the field's name.
func parseDate(text string) (time.Time, error) {
	clock := strings.Join(strings.Fields(text), " ")
	for _, zone := range []string{"UTC", "GMT", "Z", "+0000", "-0000", "+00:00", "+0"} {
		without, is := strings.CutSuffix(clock, " "+zone)
		for _, form := range []string{"Mon, _2 Jan 2006 15:4:05", "Monday, _2-Jan-06 15:4:05"} {
			if t, err := time.Parse(form, without); is && err == nil {
				return t, nil
			}
		}
	}
	if t, err := time.Parse(time.ANSIC, clock); err == nil {
		return t, nil
	}
	if clock == "" {
		return time.Time{}, errors.New("is missing")
	}
	return time.Time{}, fmt.Errorf("%.60q is not a time in UTC, like \"Sat, 21 Nov 2026 00:53:02 UTC\"", text)
}

// check compares the Release file with the clock. The catalog refuses one older
// than the newest accepted one (CAT-2).
func (rel release) check(now time.Time, ignoreValidUntil bool, where string) error {
	const layout = time.RFC3339
	switch {
	case rel.date.After(now.Add(maxAhead)):
		return fault.New(fault.NotYetValid, where, nil, "it is dated %s and it is %s here: check the clock", rel.date.Format(layout), now.UTC().Format(layout))
	case !rel.validUntil.IsZero() && now.After(rel.validUntil) && !ignoreValidUntil:
		return fault.New(fault.Expired, where, nil, "it was valid until %s and it is %s here: the mirror is out of date, or somebody withholds updates", rel.validUntil.Format(layout), now.UTC().Format(layout))
	}
	return nil
}

// noteSuite notes that the file is of another suite than the entry names:
// neither its Suite nor its Codename, which may be followed by a slash and more
// in the entry ("buster/updates"). It does not check a file that names neither,
// nor a flat repository. apt warns likewise.
func (rel *release) noteSuite(s source) {
	if s.flat() || rel.Suite == "" && rel.Codename == "" {
		return
	}
	for _, asked := range []string{s.suite, path.Dir(s.suite)} {
		if asked == rel.Suite || asked == rel.Codename {
			return
		}
	}
	rel.notes.Add("the Release file", fmt.Sprintf("it is of suite %q, codename %q, and the entry at %s:%d asks for %q", rel.Suite, rel.Codename, s.file, s.line, s.suite))
}

// vouching returns who the repository says it is from, or its address if it
// does not say.
func (rel release) vouching() string { return cmp.Or(rel.Origin, rel.Label, rel.Address) }
