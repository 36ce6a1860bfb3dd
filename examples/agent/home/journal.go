package home

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

const (
	journalName  = "journal.jsonl"
	journalSize  = 8 << 20 // bytes at which the current file is put aside: some 20,000 reports
	journalsKept = 4       // older files
)

// Journal is the list of an agent's reports, each once and in order. The newest
// are in journal.jsonl. When that file reaches 8 MiB it becomes
// journal.1.jsonl, later journal.2.jsonl, up to 4; then it is deleted. Files
// are only renamed, so a reader with one open loses nothing (tail -F). A crash
// between two renames neither loses a report nor writes one twice: the numbers
// continue above those in all files (JOB-21).
type Journal struct {
	home Home
	size int64 // at which the file is put aside
	file interface {
		io.WriterAt
		io.Closer
		Truncate(int64) error
	}
	end  int64 // of the last complete line
	last job.Sequence
}

type entry struct {
	Format int `json:"format"`
	job.Report
}

// old is the name of the n-th file that was put aside; 1 is the newest.
func (h Home) old(n int) string { return h.file(fmt.Sprintf("journal.%d.jsonl", n)) }

// Journals returns the journal's file names, oldest first.
func (h Home) Journals() (names []string) {
	for n := journalsKept; n > 0; n-- {
		names = append(names, h.old(n))
	}
	return append(names, h.file(journalName))
}

// OpenJournal opens the journal for writing and removes a line that a crash cut
// off.
func (h Home) OpenJournal() (*Journal, error) {
	j := &Journal{home: h, size: journalSize}
	for n := 1; n <= journalsKept; n++ {
		f, err := owned.Open(h.old(n), os.O_RDONLY, owned.State)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a crash between two renames
		}
		if err == nil {
			_, j.last, err = readJournal(f) // the highest, because this is the newest file
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return nil, err
		}
		break
	}
	return j, j.open()
}

func (j *Journal) open() error {
	f, err := owned.Open(j.home.file(journalName), os.O_RDWR|os.O_CREATE, owned.State)
	if err != nil {
		return err
	}
	end, last, err := readJournal(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.file, j.end, j.last = f, end, max(j.last, last)
	return nil
}

// readJournal returns where the complete lines of a file end, and the highest
// number in them.
func readJournal(f *os.File) (end int64, last job.Sequence, err error) {
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // perhaps after an incomplete line
			return end, last, nil
		}
		var report entry
		if err == nil {
			err = enum.Unmarshal(line, &report)
		}
		if err == nil {
			err = manifest.CheckFormat(f.Name(), report.Format, Format)
		}
		if newer, is := errors.AsType[*manifest.NewerFormat](err); is {
			return 0, 0, newer
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%s is damaged at byte %d: move it elsewhere and start again", f.Name(), end)
		}
		last = max(last, report.Sequence)
		end += int64(len(line))
	}
}

// Add appends the reports that are not in the journal yet. If a full disk has
// no room for a line, nothing of it remains.
func (j *Journal) Add(reports []job.Report) error {
	for _, r := range reports {
		if r.Sequence <= j.last {
			continue
		}
		line, err := json.Marshal(entry{Format, r})
		if err != nil {
			return err
		}
		if j.end > 0 && j.end+int64(len(line)) >= j.size {
			if err := j.rotate(); err != nil {
				return err
			}
		}
		n, err := j.file.WriteAt(append(line, '\n'), j.end)
		if err != nil {
			return errors.Join(err, j.file.Truncate(j.end))
		}
		j.end += int64(n)
		j.last = r.Sequence
	}
	return nil
}

// rotate puts the current file aside and begins a new one. If that fails, the
// current one stays in use.
func (j *Journal) rotate() error {
	free := 1 // the first number that a crash left free; otherwise the oldest, which is replaced
	for ; free < journalsKept; free++ {
		if _, err := os.Lstat(j.home.old(free)); err != nil {
			break
		}
	}
	for n := free; n > 1; n-- {
		if err := os.Rename(j.home.old(n-1), j.home.old(n)); err != nil {
			return err
		}
	}
	if err := j.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	err := os.Rename(j.home.file(journalName), j.home.old(1))
	if errors.Is(err, fs.ErrNotExist) { // an earlier attempt got this far
		err = nil
	}
	return errors.Join(err, j.open())
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
