package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Fetch stages the files of one patch and says what was found out about each. On failure it returns what it found before the file that
// failed. When ctx ends it returns a Failure too, and what was fetched so far stays for the next time.
func (s *Store) Fetch(ctx context.Context, k Key, p job.OrderPatch) ([]execution.Evidence, *Failure) {
	if len(p.Files) == 0 {
		return nil, &Failure{job.PatchURLMissing, fmt.Sprintf("the order names no file for %s: choose files for this patch and make the job again", p.Patch)}
	}
	folder := patchFolder(k, p)
	if err := s.root.MkdirAll(folder, 0o700); err != nil {
		return nil, s.local(err, p.Files[0])
	}
	var found []execution.Evidence
	for i, file := range p.Files {
		e, failure := s.fetchFile(ctx, folder, i, file)
		if failure != nil {
			return found, failure
		}
		found = append(found, e)
	}
	return found, nil
}

// fetchFile stages one file with its detached signature, using what is there already.
func (s *Store) fetchFile(ctx context.Context, folder string, i int, file job.File) (execution.Evidence, *Failure) {
	if file.URL == "" {
		return execution.Evidence{}, &Failure{job.PatchURLMissing, fmt.Sprintf("the order gives no address for %s: set a custom URL for this patch and make the job again", file.Name)}
	}
	var received []integrity.Digest
	if !s.exists(fileName(folder, i, complete)) {
		var failure *Failure
		if received, failure = s.fetchContent(ctx, folder, i, file); failure != nil {
			return execution.Evidence{}, failure
		}
	}
	f, err := s.openFile(fileName(folder, i, complete))
	if err != nil {
		return execution.Evidence{}, s.local(err, file)
	}
	defer f.Close()
	d := integrity.NewDigester(file.Expect.Algorithms()...)
	size, err := digestFrom(d, f)
	if err != nil {
		return execution.Evidence{}, s.local(err, file)
	}
	for _, r := range received {
		if !slices.Contains(d.Sums(), r) {
			return execution.Evidence{}, &Failure{job.FileHashValidationFailed, fmt.Sprintf("the staged file of %s is not what was received, so it is not installed (INT-6): check the disk of %s", file.Name, s.dir)}
		}
	}
	m := s.readMeta(fileName(folder, i, metaFile))
	if file.SignatureURL != "" && !m.Asked { // what was noted of it is lost, which is not absent (INT-9)
		if failure := s.keepSignature(ctx, folder, i, file, &m); failure != nil {
			return execution.Evidence{}, failure
		}
	}
	var detached []byte
	if m.Signed {
		// A signature that is there and empty is not an absent one (INT-9).
		detached = append([]byte{}, m.Detached...)
	}
	return execution.Evidence{Size: size, Digests: d.Sums(), Signature: s.cfg.Verifier.Verify(f, size, detached)}, nil
}

// fetchContent fetches one file and its signature; both are durable when there is no
// failure. It returns the digest of what came.
func (s *Store) fetchContent(ctx context.Context, folder string, i int, file job.File) ([]integrity.Digest, *Failure) {
	a, failure := parseAddress(file.URL)
	if failure != nil {
		return nil, failure
	}
	m := s.readMeta(fileName(folder, i, metaFile))
	f, at, err := s.takeUp(folder, i, file, &m)
	if err != nil {
		return nil, s.local(err, file)
	}
	defer f.Close()
	t := &transfer{store: s, file: file, from: a, f: f, at: at, meta: m, metaName: fileName(folder, i, metaFile)}
	if failure := t.run(ctx); failure != nil {
		if t.discard {
			s.removePartial(folder, i, f)
		}
		return nil, failure
	}
	if failure := s.keepSignature(ctx, folder, i, file, &t.meta); failure != nil {
		return nil, failure // the content stays: only the signature is asked for again
	}
	if err := s.finish(f, folder, i); err != nil {
		s.removePartial(folder, i, f)
		return nil, s.local(err, file)
	}
	return t.received.Sums(), nil
}

// keepSignature fetches the detached signature and notes what came of it.
func (s *Store) keepSignature(ctx context.Context, folder string, i int, file job.File, m *meta) *Failure {
	detached, signed, failure := s.fetchSignature(ctx, file)
	if failure != nil {
		return failure
	}
	m.Asked, m.Signed, m.Detached = true, signed, detached
	if err := s.writeMeta(fileName(folder, i, metaFile), *m); err != nil {
		return s.local(err, file)
	}
	return nil
}

// takeUp opens the partial file and says from where to go on. It starts anew when the server gave nothing to be sure by.
func (s *Store) takeUp(folder string, i int, file job.File, m *meta) (*os.File, int64, error) {
	name := fileName(folder, i, partial)
	if m.URL == file.URL {
		if f, err := s.reopen(name, os.O_RDWR); err == nil {
			at, err := f.Seek(0, io.SeekEnd)
			if err == nil && (m.Validator != "" || at == m.Total) {
				return f, at, nil
			}
			_ = f.Close()
		}
	}
	*m = meta{URL: file.URL}
	f, err := s.create(name)
	return f, 0, err
}

// removePartial gives the space back: an open file is emptied first, since not every system deletes one at once.
func (s *Store) removePartial(folder string, i int, f *os.File) {
	_ = f.Truncate(0) // best effort: the Discard of the patch deletes all of it
	_ = f.Close()
	_ = s.root.Remove(fileName(folder, i, partial))
	_ = s.root.Remove(fileName(folder, i, metaFile))
}

// local words a failure of the asset's own disk.
func (s *Store) local(err error, file job.File) *Failure {
	if diskFull(err) {
		need := ""
		if file.Size > 0 {
			need = fmt.Sprintf(" It needs %d bytes.", file.Size)
		}
		return &Failure{job.FileDownloadFailed, fmt.Sprintf("the disk of %s is full, so %s could not be staged.%s Free some space; the next execution fetches it again.", s.dir, file.Name, need)}
	}
	return &Failure{job.FileDownloadFailed, fmt.Sprintf("%s could not be staged in %s: %v", file.Name, s.dir, err)}
}

// pause waits, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// errStalled is the cause of cutting a connection that brings nothing.
var errStalled = errors.New("nothing came for too long")
