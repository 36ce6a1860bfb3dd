package staging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Fetch stages the files of one patch and returns the evidence about each. On
// failure it returns the evidence for the files before the one that failed. If
// ctx ends it returns a Failure, too, and keeps what was fetched for the next
// time.
func (s *Store) Fetch(ctx context.Context, k Key, p job.OrderPatch) ([]execution.Evidence, *Failure) {
	if len(p.Files) == 0 {
		return nil, &Failure{Code: job.PatchURLMissing, Text: fmt.Sprintf("the order has no file for %s: choose files for this patch and make the job again", p.Patch)}
	}
	folder := patchFolder(k, p)
	if err := s.root.MkdirAll(folder, 0o700); err != nil {
		return nil, s.local(err, p.Files[0])
	}
	var found []execution.Evidence
	for i, file := range p.Files {
		e, failure := s.fetchFile(ctx, fileBase(folder, i), file)
		if failure != nil {
			return found, failure
		}
		found = append(found, e)
	}
	return found, nil
}

// fetchFile stages one file with its detached signature, and uses what is
// already staged.
func (s *Store) fetchFile(ctx context.Context, base string, file job.File) (execution.Evidence, *Failure) {
	if file.URL == "" {
		return execution.Evidence{}, &Failure{Code: job.PatchURLMissing, Text: fmt.Sprintf("the order has no address for %s: set a custom URL for this patch and make the job again", file.Name)}
	}
	var received []integrity.Digest
	if _, err := s.root.Lstat(base + complete); errors.Is(err, fs.ErrNotExist) {
		var failure *Failure
		if received, failure = s.fetchContent(ctx, base, file); failure != nil {
			return execution.Evidence{}, failure
		}
	}
	f, err := s.reopen(base+complete, os.O_RDONLY)
	if err != nil {
		return execution.Evidence{}, s.local(err, file)
	}
	defer f.Close()
	d := integrity.NewDigester(file.Expect.Algorithms()...)
	size, err := digest(d, f, whole)
	if err != nil {
		return execution.Evidence{}, s.local(err, file)
	}
	for _, r := range received {
		if !slices.Contains(d.Sums(), r) {
			return execution.Evidence{}, &Failure{Code: job.FileHashValidationFailed, Text: fmt.Sprintf("the staged file of %s differs from what was received, so it is not installed (INT-6): check the disk of %s", file.Name, s.dir)}
		}
	}
	m := s.readMeta(base + metaFile)
	if file.SignatureURL != "" && !m.Asked { // its record is lost, which does not mean absent (INT-9)
		if failure := s.keepSignature(ctx, base, file, &m); failure != nil {
			return execution.Evidence{}, failure
		}
	}
	var detached []byte
	if m.Signed {
		// A signature that exists and is empty is not absent (INT-9).
		detached = append([]byte{}, m.Detached...)
	}
	return execution.Evidence{Size: size, Digests: d.Sums(), Signature: s.cfg.Verifier.Verify(f, size, detached)}, nil
}

// fetchContent fetches one file and its signature; both are durable if there is
// no failure. It returns the digest of the bytes received.
func (s *Store) fetchContent(ctx context.Context, base string, file job.File) ([]integrity.Digest, *Failure) {
	a, failure := parseAddress(file.URL)
	if failure != nil {
		return nil, failure
	}
	m := s.readMeta(base + metaFile)
	f, at, err := s.takeUp(base, file, &m)
	if err != nil {
		return nil, s.local(err, file)
	}
	defer f.Close()
	t := &transfer{store: s, file: file, from: a, f: f, at: at, meta: m, metaName: base + metaFile}
	if failure := t.run(ctx); failure != nil {
		if t.discard {
			s.removePartial(base, f)
		}
		return nil, failure
	}
	if failure := s.keepSignature(ctx, base, file, &t.meta); failure != nil {
		return nil, failure // the content stays: only the signature is fetched again
	}
	if err := s.finish(f, base); err != nil {
		s.removePartial(base, f)
		return nil, s.local(err, file)
	}
	return t.received.Sums(), nil
}

// keepSignature fetches the detached signature and records the result. The
// server may have none (INT-9); any doubt is a failure.
func (s *Store) keepSignature(ctx context.Context, base string, file job.File, m *meta) *Failure {
	m.Asked, m.Signed, m.Detached = true, false, nil
	if file.SignatureURL != "" {
		a, failure := parseAddress(file.SignatureURL)
		if failure != nil {
			return failure
		}
		_, tr := s.retry(ctx, func() (bool, *trouble) { return false, s.signatureOnce(ctx, a, m) })
		if tr != nil {
			return &Failure{Code: cmp.Or(tr.code, job.FileDownloadFailed), Text: fmt.Sprintf("the signature of %s could not be fetched from %s: %v", file.Name, a, tr.err)}
		}
	}
	if err := s.writeMeta(base+metaFile, *m); err != nil {
		return s.local(err, file)
	}
	return nil
}

func (s *Store) signatureOnce(ctx context.Context, a address, m *meta) *trouble {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Stall, errStalled)
	defer cancel()
	r, tr := s.request(ctx, a, 0, "")
	if tr != nil {
		if errors.Is(tr.err, fs.ErrNotExist) || errors.Is(tr.err, errNotThere) {
			return nil
		}
		return stalled(ctx, tr, s.cfg.Stall)
	}
	defer r.body.Close()
	b, err := io.ReadAll(io.LimitReader(r.body, MaxSignature+1))
	switch {
	case err != nil:
		return stalled(ctx, &trouble{err: plain(err), again: true}, s.cfg.Stall)
	case len(b) > MaxSignature:
		return &trouble{err: fmt.Errorf("it is longer than %d bytes, the most for a detached signature: correct its address", MaxSignature)}
	}
	m.Signed, m.Detached = true, b
	return nil
}

// takeUp opens the partial file and returns where to continue. It starts again
// from zero if the server gave no validator.
func (s *Store) takeUp(base string, file job.File, m *meta) (*os.File, int64, error) {
	if m.URL == file.URL {
		if f, err := s.reopen(base+partial, os.O_RDWR); err == nil {
			at, err := f.Seek(0, io.SeekEnd)
			if err == nil && (m.Validator != "" || at == m.Total) {
				return f, at, nil
			}
			_ = f.Close()
		}
	}
	*m = meta{URL: file.URL}
	f, err := s.create(base + partial)
	return f, 0, err
}

// removePartial frees the space. It empties the file first, because some
// systems do not delete an open file at once.
func (s *Store) removePartial(base string, f *os.File) {
	_ = f.Truncate(0) // best effort: the Discard of the patch deletes everything
	_ = f.Close()
	_ = s.root.Remove(base + partial)
	_ = s.root.Remove(base + metaFile)
}

// local is the failure for an error of the asset's own disk.
func (s *Store) local(err error, file job.File) *Failure {
	if diskFull(err) {
		need := ""
		if file.Size > 0 {
			need = fmt.Sprintf(" It needs %d bytes.", file.Size)
		}
		return &Failure{Code: job.FileDownloadFailed, Text: fmt.Sprintf("the disk of %s is full, so %s could not be staged.%s Free some space; the next execution fetches it again.", s.dir, file.Name, need)}
	}
	return &Failure{Code: job.FileDownloadFailed, Text: fmt.Sprintf("%s could not be staged in %s: %v", file.Name, s.dir, err)}
}

// retry calls once until it has no trouble, or another try is of no use. It
// returns the number of tries since the last progress, and the trouble that is
// left.
func (s *Store) retry(ctx context.Context, once func() (progress bool, tr *trouble)) (try int, tr *trouble) {
	pause := s.cfg.Stall / pausesPerStall
	wait := pause
	for try = 1; ; try++ {
		progress, tr := once()
		if progress {
			try, wait = 1, pause
		}
		if tr == nil || !tr.again || try >= s.cfg.Tries {
			return try, tr
		}
		select {
		case <-ctx.Done():
			return try, tr
		case <-time.After(min(max(wait, tr.after), maxPause)):
		}
		wait *= 2
	}
}

// errStalled is the cause of cutting a connection that brings nothing.
var errStalled = errors.New("nothing came for too long")
