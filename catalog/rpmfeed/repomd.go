package rpmfeed

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// byRepomd is what promises sizes and digests.
const byRepomd = "repomd.xml"

// repomd is what repomd.xml says.
type repomd struct {
	date  time.Time       // zero: it states none
	files map[string]file // by type, those that are used
}

// file is a metadata file. A digest that is missing is zero.
type file struct {
	href   string
	packed repository.FileSum // a size of zero is unknown
	plain  repository.FileSum
}

type digestXML struct {
	Type string `xml:"type,attr"`
	Sum  string `xml:",chardata"`
}

type repomdXML struct {
	XMLName  xml.Name `xml:"repomd"`
	Revision string   `xml:"revision"`
	Data     []struct {
		Type      string    `xml:"type,attr"`
		Checksum  digestXML `xml:"checksum"`
		Open      digestXML `xml:"open-checksum"`
		Location  location  `xml:"location"`
		Timestamp string    `xml:"timestamp"`
		Size      string    `xml:"size"`
		OpenSize  string    `xml:"open-size"`
	} `xml:"data"`
}

type location struct {
	Href string `xml:"href,attr"`
	Base string `xml:"http://www.w3.org/XML/1998/namespace base,attr"`
}

// used are the types of files that are read.
var used = map[string]bool{"primary": true, "updateinfo": true, "modules": true}

// parseRepomd reads a repomd.xml whose signature was checked.
func parseRepomd(text []byte, where string) (repomd, error) {
	var in repomdXML
	if err := xml.Unmarshal(text, &in); err != nil {
		return repomd{}, fault.New(fault.Malformed, where, err, "it is not a repomd.xml, or is cut off")
	}
	m := repomd{date: instant(in.Revision), files: map[string]file{}}
	for _, d := range in.Data {
		if at := instant(d.Timestamp); at.After(m.date) {
			m.date = at
		}
		if !used[d.Type] {
			continue
		}
		f := file{href: d.Location.Href}
		var err error
		if f.packed, err = promise(d.Checksum, d.Size); err != nil {
			return repomd{}, fault.New(fault.Unsupported, where, err, "the checksum of %q cannot be used", d.Type)
		}
		// What is unpacked is bound by the digest of what is packed, so an
		// unpacked one is a further check only.
		if f.plain, err = promise(d.Open, d.OpenSize); err != nil || f.plain.Size == 0 {
			f.plain = repository.FileSum{Size: maxPlain}
		}
		_, twice := m.files[d.Type]
		switch {
		case twice:
			return repomd{}, fault.New(fault.Malformed, where, nil, "it has two files of type %q", d.Type)
		case d.Location.Base != "":
			return repomd{}, fault.New(fault.Unsupported, where, nil, "%q is at another address, %.200q", d.Type, d.Location.Base)
		case !repository.Showable(f.href) || path.IsAbs(f.href) || path.Clean(f.href) != f.href || strings.HasPrefix(f.href, "..") || strings.ContainsAny(f.href, ":?#%\\"):
			return repomd{}, fault.New(fault.Malformed, where, nil, "%q is at %.200q, which is not a path in the repository", d.Type, f.href)
		case f.packed.Size > maxFile || f.plain.Size > maxPlain:
			return repomd{}, fault.New(fault.TooLarge, where, nil, "%q has %d bytes, and %d unpacked; at most %d and %d are allowed", d.Type, f.packed.Size, f.plain.Size, maxFile, int64(maxPlain))
		}
		m.files[d.Type] = f
	}
	if _, has := m.files["primary"]; !has {
		return repomd{}, fault.New(fault.Unsupported, where, nil, "it lists no file of type \"primary\", the list of packages in XML")
	}
	return m, nil
}

// instant reads a Unix time, perhaps with a fraction. Zero: it is not one.
func instant(text string) time.Time {
	whole, _, _ := strings.Cut(strings.TrimSpace(text), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if at := time.Unix(seconds, 0).UTC(); err == nil && at.After(earliest) && at.Before(latest) {
		return at
	}
	return time.Time{}
}

// promise reads a checksum and a size. Only digests that carry trust count
// (INT-7).
func promise(d digestXML, size string) (repository.FileSum, error) {
	sum, err := digestOf(d)
	if err != nil {
		return repository.FileSum{}, err
	}
	n, err := strconv.ParseInt(cmp.Or(strings.TrimSpace(size), "0"), 10, 64)
	if err != nil || n < 0 {
		return repository.FileSum{}, errors.New("the size " + strconv.Quote(size) + " is not a number of bytes")
	}
	return repository.FileSum{Size: n, Digest: sum}, nil
}

func digestOf(d digestXML) (integrity.Digest, error) {
	algorithm, err := integrity.ParseAlgorithm(strings.ToLower(d.Type))
	sum := strings.ToLower(strings.TrimSpace(d.Sum))
	switch {
	case err != nil || algorithm.Legacy():
		return integrity.Digest{}, errors.New("its checksum is of type " + strconv.Quote(d.Type) + ": want sha256, sha384 or sha512")
	case !repository.IsHex(sum, algorithm):
		return integrity.Digest{}, errors.New("its checksum is not a " + algorithm.String() + " digest")
	}
	return integrity.Digest{Algorithm: algorithm, Sum: sum}, nil
}

// open fetches a metadata file, checks it, and lets read have it unpacked.
func (f *Feed) open(ctx context.Context, of file, read func(io.Reader) error) error {
	where := f.metadata + of.href
	data, _, err := f.client.Get(ctx, where, fetch.Validators{}, cmp.Or(of.packed.Size, maxFile))
	if of.packed.Size == 0 {
		of.packed.Size = int64(len(data))
	}
	if data, err = repository.Checked(data, err, where, byRepomd, of.packed); err != nil {
		return err
	}
	extension := path.Ext(of.href)
	if extension == ".xml" || extension == ".yaml" {
		extension = ""
	}
	return repository.Packed{In: bytes.NewReader(data), Extension: extension, Where: where}.Unpack(ctx, of.plain, byRepomd, read)
}
