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
	journalName = "journal.jsonl"
	// journalSize is the size in bytes at which the current file is put aside:
	// some 20,000 reports.
	journalSize = 8 << 20
	// journalsKept is how many older files are kept.
	journalsKept = 4
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

// entry is a line of the journal.
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
		_, last, err := readJournal(h.old(n), os.O_RDONLY, nil)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a crash between two renames
		}
		if err != nil {
			return nil, err
		}
		j.last = last // the highest, because this is the newest file
		break
	}
	if err := j.open(); err != nil {
		return nil, err
	}
	return j, nil
}

// open opens or creates the current file.
func (j *Journal) open() (err error) {
	var last job.Sequence
	j.end, last, err = readJournal(j.home.file(journalName), os.O_RDWR|os.O_CREATE, func(f *os.File, end int64) error {
		j.file = f
		return f.Truncate(end)
	})
	j.last = max(j.last, last)
	return err
}

// readJournal returns where the complete lines of a file end, and the highest
// number in them. Keep takes over the file; if it is nil, the file is closed.
func readJournal(name string, flag int, keep func(f *os.File, end int64) error) (end int64, last job.Sequence, err error) {
	f, err := owned.Open(name, flag, owned.State)
	if err != nil {
		return 0, 0, err
	}
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			break // the end, or an incomplete line
		}
		var report entry
		err = enum.Unmarshal(line, &report)
		if err == nil {
			err = manifest.CheckFormat(name, report.Format, Format)
		}
		if newer, is := errors.AsType[*manifest.NewerFormat](err); is {
			return 0, 0, errors.Join(newer, f.Close())
		}
		if err != nil {
			return 0, 0, errors.Join(fmt.Errorf("%s is damaged at byte %d: move it elsewhere and start again", f.Name(), end), f.Close())
		}
		last = max(last, report.Sequence)
		end += int64(len(line))
	}
	if keep == nil {
		return end, last, f.Close()
	}
	if err := keep(f, end); err != nil {
		return 0, 0, errors.Join(err, f.Close())
	}
	return end, last, nil
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
	for free < journalsKept && exists(j.home.old(free)) {
		free++
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

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
