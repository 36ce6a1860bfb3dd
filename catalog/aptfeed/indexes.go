package aptfeed

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// index is one package list as it was read.
type index struct {
	path     string
	digest   integrity.Digest // of the list, packed or plain; equal if it did not change
	channel  string
	archs    []string
	records  []record
	rejected rejected
}

// packed is a package list ready to be unpacked.
type packed struct {
	in        io.ReadCloser
	extension string
	where     string
}

// wanted is one package list that the configuration asks for.
type wanted struct {
	path  string
	archs []string // that a package of architecture "all" is for
	mixed bool     // it has packages of several architectures
}

// readIndexes reads the package lists that changed.
func (f *Feed) readIndexes(ctx context.Context, next *held) error {
	var lists []wanted
	lists, next.missing = f.wanted(next.release)
	if len(lists) == 0 {
		return fail(Missing, next.signed.where, nil, "it lists none of the wanted package lists (%s): check the components and architectures of the entry", strings.Join(next.missing, ", "))
	}
	for _, w := range lists {
		x := index{path: w.path, digest: next.release.digest(w.path), channel: next.release.Channel(), archs: w.archs}
		if i := slices.IndexFunc(f.held.indexes, func(o index) bool {
			return o.path == x.path && o.digest == x.digest && o.channel == x.channel && slices.Equal(o.archs, x.archs)
		}); i >= 0 {
			next.indexes = append(next.indexes, f.held.indexes[i])
			continue
		}
		if err := f.readIndex(ctx, &x, w, next.release); err != nil {
			return err
		}
		next.indexes = append(next.indexes, x)
	}
	return nil
}

// digest returns the digest of the plain list if the Release file has it,
// otherwise that of the form to fetch.
func (rel release) digest(path string) integrity.Digest {
	for _, extension := range append([]string{""}, fetchedAs...) {
		if sum, has := rel.files[path+extension]; has {
			return sum.digest
		}
	}
	return integrity.Digest{}
}

// wanted returns the package lists of the Release file that the configuration's
// targets ask for. Missing names the components without any list.
func (f *Feed) wanted(r release) (lists []wanted, missing []string) {
	add := func(w wanted) bool {
		if r.digest(w.path) == (integrity.Digest{}) {
			return false
		}
		for i := range lists {
			if lists[i].path == w.path {
				for _, a := range w.archs {
					if !slices.Contains(lists[i].archs, a) {
						lists[i].archs = append(lists[i].archs, a)
					}
				}
				return true
			}
		}
		lists = append(lists, w)
		return true
	}
	for _, t := range f.source.targets {
		archs := t.wanted(f.config.Architectures)
		if f.source.flat() {
			if !add(wanted{"Packages", archs, true}) {
				missing = append(missing, "Packages")
			}
			continue
		}
		found := false
		for _, arch := range archs {
			found = add(wanted{t.component + "/binary-" + arch + "/Packages", []string{arch}, false}) || found
		}
		if r.archAll && slices.Contains(r.architectures, "all") && len(archs) > 0 {
			found = add(wanted{t.component + "/binary-all/Packages", slices.Clone(archs), false}) || found
		}
		if !found {
			missing = append(missing, fmt.Sprintf("component %s for %s", t.component, strings.Join(archs, ", ")))
		}
	}
	return lists, missing
}

// readIndex reads one package list and checks it against the Release file.
func (f *Feed) readIndex(ctx context.Context, x *index, w wanted, rel release) error {
	list, err := f.from.open(ctx, w.path, rel)
	if err != nil {
		return err
	}
	defer list.in.Close()
	unpacked, err := decompress(list.in, list.extension)
	if err != nil {
		return fail(Malformed, list.where, err, "it cannot be unpacked")
	}
	defer unpacked.Close()
	plain, known := rel.files[w.path]
	if !known {
		plain = fileSum{maxIndexPlain, integrity.Digest{Algorithm: integrity.SHA256}}
	}
	// What unpacks to more is a decompression bomb, or simply not the promised
	// file.
	bounded, hash := &promised{in: unpacked, left: plain.size}, plain.digest.Algorithm.Hash().New()
	p := parser{channel: x.channel, archs: w.archs, mixed: w.mixed, only: f.config.Only}
	x.records, x.rejected, err = p.packages(io.TeeReader(bounded, hash))
	got := fileSum{plain.size - bounded.left, integrity.Digest{Algorithm: plain.digest.Algorithm, Sum: hex.EncodeToString(hash.Sum(nil))}}
	switch {
	case bounded.tooLong && known:
		return fail(Mismatch, list.where, nil, "it unpacks to more than the %d bytes that the Release file promises", plain.size)
	case bounded.tooLong:
		return fail(TooLarge, list.where, nil, "it unpacks to more than %d bytes", plain.size)
	case err != nil:
		return fail(Malformed, list.where, err, "it cannot be unpacked")
	case known && got != plain:
		return fail(Mismatch, list.where, nil, "it unpacks to %d bytes with %s, and the Release file promises %d with %s", got.size, got.digest, plain.size, plain.digest)
	}
	return nil
}
