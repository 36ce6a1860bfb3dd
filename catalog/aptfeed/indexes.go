package aptfeed

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// Extensions of package lists: those that are fetched, the smallest first, and
// those that apt keeps on disk.
var (
	fetchedAs = []string{".xz", ".zst", ".gz", ".bz2", ".lzma", ""}
	keptAs    = []string{"", ".lz4", ".gz", ".xz", ".zst", ".bz2", ".lzma"}
)

// index is one package list that the configuration asks for.
type index struct {
	path     string
	digest   integrity.Digest // of the list, packed or plain; equal if it did not change
	channel  string
	archs    []string // that a package of architecture "all" is for
	mixed    bool     // it has packages of several architectures
	records  []record // once it was read
	rejected fetch.Rejects
}

type packed struct {
	in        io.ReadCloser
	extension string
	where     string
}

func (f *Feed) readIndexes(ctx context.Context, next *held) error {
	next.indexes, next.missing = f.wanted(next.release)
	if len(next.indexes) == 0 {
		return fault.New(fault.Missing, next.signed.where, nil, "it lists none of the wanted package lists (%s): check the components and architectures of the entry", strings.Join(next.missing, ", "))
	}
	for k := range next.indexes {
		x := &next.indexes[k]
		if i := slices.IndexFunc(f.held.indexes, func(o index) bool {
			return o.path == x.path && o.digest == x.digest && o.channel == x.channel && slices.Equal(o.archs, x.archs)
		}); i >= 0 {
			*x = f.held.indexes[i]
		} else if err := f.readIndex(ctx, x, next.release); err != nil {
			return err
		}
	}
	return nil
}

// digest returns the digest of the plain list if the Release file has it,
// otherwise that of the form to fetch.
func (rel release) digest(path string) integrity.Digest {
	for _, extension := range append([]string{""}, fetchedAs...) {
		if sum, has := rel.files[path+extension]; has {
			return sum.Digest
		}
	}
	return integrity.Digest{}
}

// wanted returns the package lists of the Release file that the configuration's
// targets ask for. Missing names the components without any list.
func (f *Feed) wanted(r release) (lists []index, missing []string) {
	add := func(path string, archs []string, mixed bool) bool {
		digest := r.digest(path)
		if digest == (integrity.Digest{}) {
			return false
		}
		i := slices.IndexFunc(lists, func(x index) bool { return x.path == path })
		if i < 0 {
			lists = append(lists, index{path: path, digest: digest, channel: r.Channel(), archs: slices.Clone(archs), mixed: mixed})
		} else {
			lists[i].archs = union(lists[i].archs, archs)
		}
		return true
	}
	for _, t := range f.source.targets {
		if f.source.flat() {
			if !add("Packages", t.archs, true) {
				missing = append(missing, "Packages")
			}
			continue
		}
		found := false
		for _, arch := range t.archs {
			found = add(t.component+"/binary-"+arch+"/Packages", []string{arch}, false) || found
		}
		if r.archAll && slices.Contains(r.architectures, "all") && len(t.archs) > 0 {
			found = add(t.component+"/binary-all/Packages", t.archs, false) || found
		}
		if !found {
			missing = append(missing, fmt.Sprintf("component %s for %s", t.component, strings.Join(t.archs, ", ")))
		}
	}
	return lists, missing
}

// readIndex reads one package list and checks it against the Release file.
func (f *Feed) readIndex(ctx context.Context, x *index, rel release) error {
	list, err := f.from.open(ctx, x.path, rel)
	if err != nil {
		return err
	}
	defer list.in.Close()
	plain, known := rel.files[x.path]
	if !known {
		plain = repository.FileSum{Size: maxIndexPlain}
	}
	p := parser{channel: x.channel, archs: x.archs, mixed: x.mixed, only: f.config.Only}
	return repository.Packed{In: list.in, Extension: list.extension, Where: list.where}.Unpack(ctx, plain, byRelease, func(in io.Reader) (err error) {
		x.records, x.rejected, err = p.packages(in)
		return err
	})
}
