package fetch

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Bounds on a document of many records. A variable bound of a test is smaller.
const (
	MaxArchive   = 1 << 30  // bytes of the archive or list: all advisories of a large distribution are some 200 MB
	MaxUnpacked  = 16 << 30 // bytes of all records: 60,000 records with the versions that they affect are some GB
	MaxRecords   = 1 << 20  // records: the largest public databases have 300,000
	MaxRecord    = 16 << 20 // bytes of one record: a flaw of all kernels of a distribution reaches 2 MB
	maxDirectory = 64 << 20 // bytes read of an archive to list it: some 100 for each record
	maxName      = 80       // bytes that an error quotes of a record's name

	maxAhead = 24 * time.Hour // how far in the future a record may be made and date the batch: clocks are a little off
)

// Found is what a record gives. Zero: nothing.
type Found struct {
	ID       string               // no other record may have it
	Dated    time.Time            // when it was made
	Add      func(*catalog.Batch) // adds it to a batch; nil: there is nothing to add
	Problems []string             // what is wrong with it; if anything is, it is rejected (CAT-16)
}

func (f *Feed) each(records Records) (b catalog.Batch, err error) {
	var bad Rejects
	ids := map[string]bool{}
	latest := f.now().Add(maxAhead)
	for raw, err := range records {
		if err != nil {
			return catalog.Batch{}, err
		}
		found := Found{Problems: []string{raw.Problem}}
		if raw.Problem == "" {
			found = f.form.Each(raw.Data)
		}
		if found.Add != nil && ids[found.ID] {
			found.Problems = append(found.Problems, Duplicate)
		}
		switch {
		case len(found.Problems) > 0:
			bad.Add("record "+raw.Name, found.Problems...)
		case found.Add != nil:
			ids[found.ID] = true
			found.Add(&b)
			if len(ids) > catalog.MaxVulnerabilities {
				return catalog.Batch{}, fmt.Errorf("it has more than %d records of use", catalog.MaxVulnerabilities)
			}
			if found.Dated.After(b.Dated) && !found.Dated.After(latest) {
				b.Dated = found.Dated.UTC()
			}
		}
	}
	b.Rejected = bad.List(f.id)
	return b, nil
}

// Record is one record of a document of many.
type Record struct {
	Name    string // to speak of it: the name of its file, or its number. It names no file on this computer
	Data    []byte // only until the next record
	Problem string // why it has no Data; empty: it has
}

// walk reads the records of one document.
type walk struct {
	ctx      context.Context
	match    string // of the base name of a record's file, as in path.Match
	unpacked int64  // bytes left
	records  int    // left
	record   int64  // bytes of one
	buffer   bytes.Buffer
}

func newWalk(ctx context.Context, match string) *walk {
	return &walk{ctx: ctx, match: match, unpacked: MaxUnpacked, records: MaxRecords, record: MaxRecord}
}

// Records are the records of a document. A record with an error is the last
// one: the document cannot be read.
type Records = iter.Seq2[Record, error]

// document returns the records of an archive of files (zip), or of a JSON list.
func (w *walk) document(file io.ReaderAt, size int64) Records {
	return func(yield func(Record, error) bool) {
		start := make([]byte, 512)
		n, err := file.ReadAt(start, 0)
		start = bytes.TrimLeft(start[:n], " \t\r\n")
		switch {
		case err != nil && !errors.Is(err, io.EOF):
		case bytes.HasPrefix(start, []byte("PK")):
			err = w.archive(file, size, yield)
		case bytes.HasPrefix(start, []byte("[")):
			err = w.list(io.NewSectionReader(file, 0, size), yield)
		default:
			err = errors.New("it is neither a zip archive nor a JSON list")
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Record{}, err)
		}
	}
}

var errStop = errors.New("the caller wants no more records")

func (w *walk) archive(file io.ReaderAt, size int64, yield func(Record, error) bool) error {
	listed := &Budget{Left: maxDirectory, at: file}
	z, err := zip.NewReader(listed, size)
	if err != nil {
		return fmt.Errorf("no zip archive: %w", err)
	}
	listed.Left = -1
	for _, f := range z.File {
		if f.Mode().IsRegular() {
			if err := w.file(f.Name, f.Open, yield); err != nil {
				return err
			}
		}
	}
	return nil
}

// folder returns the records of the files of a folder, and of those below it.
func (w *walk) folder(root *os.Root) Records {
	return func(yield func(Record, error) bool) {
		err := eachFile(root, func(name string, _ fs.DirEntry) error {
			return w.file(name, func() (io.ReadCloser, error) { return root.Open(name) }, yield)
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Record{}, err)
		}
	}
}

func (w *walk) file(name string, open func() (io.ReadCloser, error), yield func(Record, error) bool) error {
	if is, err := path.Match(w.match, path.Base(name)); !is || err != nil {
		return err
	}
	r := Record{Name: problem.Printable(problem.Clip(path.Base(name), maxName))}
	f, err := open()
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	defer f.Close()
	w.buffer.Reset()
	n, err := w.buffer.ReadFrom(io.LimitReader(f, min(w.record, w.unpacked)+1))
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	if w.unpacked -= n; w.unpacked < 0 {
		return fmt.Errorf("its records have more than %d bytes together", int64(MaxUnpacked))
	}
	if r.Data = w.buffer.Bytes(); n > w.record {
		r.Data, r.Problem = nil, fmt.Sprintf("it has more than %d bytes", w.record)
	}
	return w.give(r, yield)
}

func (w *walk) give(r Record, yield func(Record, error) bool) error {
	if w.records--; w.records < 0 {
		return fmt.Errorf("it has more than %d records", MaxRecords)
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if !yield(r, nil) {
		return errStop
	}
	return nil
}

func (w *walk) list(text io.Reader, yield func(Record, error) bool) error {
	in := &Budget{Left: w.record, From: text}
	d := json.NewDecoder(in)
	_, err := d.Token()
	for i := 1; err == nil && d.More(); i++ {
		in.Left = w.record
		var raw json.RawMessage
		if err = d.Decode(&raw); err == nil && int64(len(raw)) > w.record { // a part of it was read with the one before
			err = errOver
		}
		if err == nil {
			err = w.give(Record{Name: fmt.Sprintf("number %d", i), Data: raw}, yield)
		}
	}
	if err == nil {
		_, err = d.Token()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("no JSON list: it ends too early")
	}
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			return errors.New("no JSON list: something follows after its end")
		}
	}
	return err
}

// Budget reads From until Left bytes are used up. Less than zero left: no limit.
type Budget struct {
	Left int64
	From io.Reader
	at   io.ReaderAt
}

func (b *Budget) Read(p []byte) (int, error) {
	n, err := b.From.Read(p)
	if over := b.spend(n); over != nil {
		return 0, over
	}
	return n, err
}

func (b *Budget) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.at.ReadAt(p, off)
	if over := b.spend(n); over != nil {
		return 0, over
	}
	return n, err
}

var errOver = errors.New("a record, or the list of records, is over the limit")

func (b *Budget) spend(n int) error {
	if b.Left < 0 {
		return nil
	}
	if b.Left -= int64(n); b.Left < 0 {
		b.Left = 0
		return errOver
	}
	return nil
}

// eachFile calls do with the regular files of a folder, in the order of their
// names. It follows no links.
func eachFile(root *os.Root, do func(name string, file fs.DirEntry) error) error {
	return fs.WalkDir(root.FS(), ".", func(name string, file fs.DirEntry, err error) error {
		if err != nil || !file.Type().IsRegular() {
			return err
		}
		return do(name, file)
	})
}

// state identifies the state of a folder: names, sizes and times of its files.
func state(ctx context.Context, root *os.Root) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	err = eachFile(root, func(name string, file fs.DirEntry) error {
		info, err := file.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		return ctx.Err()
	})
	h.Sum(sum[:0])
	return sum, err
}

// IsCVE reports whether an id is that of a vulnerability in the CVE list, like
// CVE-2026-1234.
func IsCVE(id string) bool {
	year, number, _ := strings.Cut(strings.TrimPrefix(id, "CVE-"), "-")
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	return strings.HasPrefix(id, "CVE-") && len(year) == 4 && digits(year) && len(number) >= 4 && len(number) <= 19 && digits(number)
}
