package staging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// transfer fetches one file's content, over as many connections as it takes.
type transfer struct {
	store    *Store
	file     job.File
	from     address
	f        *os.File
	at       int64 // bytes in f
	meta     meta
	metaName string
	received *integrity.Digester // of the bytes in f, as received
	pace     pacer               // over all connections
	discard  bool                // the bytes in f are of no use
}

// trouble is why one connection did not bring the whole file.
type trouble struct {
	err   error
	code  job.Code      // zero: FileDownloadFailed
	again bool          // another try may help
	after time.Duration // the wait that the server asked for
	local bool          // the error is of the asset's own disk
}

// run tries until the file is complete, or the tries without progress are used
// up.
func (t *transfer) run(ctx context.Context) *Failure {
	t.received = integrity.NewDigester(integrity.SHA256)
	if n, err := digest(t.received, t.f, t.at); err != nil || n != t.at {
		return t.store.local(fmt.Errorf("the part from an earlier try cannot be read again (%d of %d bytes): %w", n, t.at, err), t.file)
	}
	if t.meta.Total > 0 && t.at == t.meta.Total {
		return nil // only the signature was missing
	}
	total := t.store.cfg.Pace.total(t.file.Size)
	timed, cancel := context.WithTimeoutCause(ctx, total, errTotal)
	defer cancel()
	begin, ended := t.at, time.Now()
	t.pace = pacer{rate: t.store.cfg.Pace.rate(t.file.Size)}
	try, tr := t.store.retry(timed, func() (bool, *trouble) {
		before := t.at
		t.pace.waited += time.Since(ended) // a vendor that cuts each connection after a byte is slow, too
		tr := t.once(timed)
		ended = time.Now()
		return t.at > before && t.pace.slow == nil, tr // a slow connection is no progress
	})
	switch {
	case tr == nil:
		return nil
	case ctx.Err() != nil:
		return &Failure{Code: job.FileDownloadFailed, Text: fmt.Sprintf("the download of %s was stopped", t.from)}
	case tr.local:
		t.discard = true
		if diskFull(tr.err) && t.file.Size == 0 && t.meta.Total > 0 {
			t.file.Size = t.meta.Total
		}
		return t.store.local(tr.err, t.file)
	case errors.Is(context.Cause(timed), errTotal):
		tr.err = fmt.Errorf("the download was not complete after %v, the longest time for a file of its size (INT-11): %d bytes came", total, t.at-begin)
	case !tr.again:
		t.discard = true
		return &Failure{Code: cmp.Or(tr.code, job.FileDownloadFailed), Text: fmt.Sprintf("%s could not be fetched from %s: %v", t.file.Name, t.from, tr.err)}
	case t.pace.slow != nil:
		tr.err = t.pace.slow
	}
	return &Failure{Code: job.FileDownloadFailed, Text: fmt.Sprintf("%s could not be fetched from %s in %d tries: %v. What was fetched so far is kept; check the connection to that server.", t.file.Name, t.from, try, tr.err)}
}

func (t *transfer) once(ctx context.Context) *trouble {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(t.store.cfg.Stall, func() { cancel(errStalled) })
	defer watchdog.Stop()

	from := t.at
	if t.meta.Validator == "" { // the server's file may have changed
		from = 0
	}
	began := time.Now()
	r, tr := t.store.request(ctx, t.from, from, t.meta.Validator)
	t.pace.waited += time.Since(began)
	watchdog.Stop()
	if tr != nil {
		if errors.Is(tr.err, errRangeGone) {
			t.meta.Validator = "" // the next try takes the whole file
		}
		return stalled(ctx, tr, t.store.cfg.Stall)
	}
	defer r.body.Close()
	if r.at != t.at {
		if err := t.f.Truncate(0); err != nil {
			return &trouble{err: err, local: true}
		}
		t.at, t.received = 0, integrity.NewDigester(integrity.SHA256)
	}
	limit := sizeLimit(t.file.Size)
	if r.total > limit {
		return &trouble{err: fmt.Errorf("the server announces %d bytes, and the most is %d: correct the patch's size, or its address", r.total, limit)}
	}
	t.meta.Validator, t.meta.Total = r.validator, r.total
	if err := t.store.writeMeta(t.metaName, t.meta); err != nil {
		return &trouble{err: err, local: true}
	}
	return stalled(ctx, t.copy(r, limit, watchdog), t.store.cfg.Stall)
}

// copy moves the body into the file. The watchdog runs while it waits for the
// server, not for the disk.
func (t *transfer) copy(r response, limit int64, watchdog *time.Timer) *trouble {
	buf := make([]byte, buffer)
	for {
		watchdog.Reset(t.store.cfg.Stall)
		n, slow, err := t.pace.read(r.body, buf)
		watchdog.Stop()
		if n > 0 {
			if t.at+int64(n) > limit {
				return &trouble{err: fmt.Errorf("it is longer than %d bytes, the most for this file: correct the patch's size, or its address", limit)}
			}
			if _, err := t.f.WriteAt(buf[:n], t.at); err != nil {
				return &trouble{err: err, local: true}
			}
			t.at += int64(n)
			_, _ = t.received.Write(buf[:n]) // never fails
		}
		switch {
		case slow:
			return &trouble{err: t.pace.slow, again: true}
		case errors.Is(err, io.EOF):
			if r.total >= 0 && t.at != r.total {
				return &trouble{err: fmt.Errorf("the connection ended after %d of %d bytes", t.at, r.total), again: true}
			}
			return nil
		case err != nil:
			return &trouble{err: fmt.Errorf("the connection was cut after %d bytes: %w", t.at, plain(err)), again: true}
		}
	}
}

// stalled replaces the error if the watchdog cut the connection.
func stalled(ctx context.Context, tr *trouble, limit time.Duration) *trouble {
	if tr != nil && errors.Is(context.Cause(ctx), errStalled) && !tr.local {
		tr.err, tr.again = fmt.Errorf("the server sent nothing for %v", limit), true
	}
	return tr
}
