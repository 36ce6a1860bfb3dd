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

// Pace says how slow a download may be (INT-11). Slow is a failure: otherwise a
// vendor that sends a byte now and then could hold up an execution, and the
// jobs that wait for it, without end. The zero value of a field is its default.
//
// There are two bounds; both depend on the size in the order. A connection that
// brings less than Rate over a whole minute is cut, and a try counts as
// progress only after a minute that was fast enough. The file as a whole, with
// all its tries, has a total time. What was fetched until then is kept, and the
// next download resumes it if the server supports that.
//
// 4 KiB/s is half the speed of the slowest satellite links in use, and the 24
// hours are those of JOB-27. Only the time spent waiting for the server counts
// towards the rate, not the time of the local disk.
type Pace struct {
	Rate int64         // least bytes per second; default 4 KiB
	Most time.Duration // the longest total time; default 24 h
}

const (
	// window is the time over which the rate is measured.
	window = time.Minute
	// slack is the part of the total time for connections and for tries
	// that bring nothing.
	slack = 2 * time.Minute
	// unknown is the total time of a file of unknown size.
	unknown = 6 * time.Hour
)

func (p Pace) withDefaults() Pace {
	return Pace{cmp.Or(p.Rate, 4<<10), cmp.Or(p.Most, 24*time.Hour)}
}

// rate is the least rate for a file of size bytes. A file that is large for the
// total time needs a quarter of the average rate that it needs to finish: a
// hopeless download ends early, but a link that is slow for an hour is allowed.
func (p Pace) rate(size int64) int64 {
	return max(p.Rate, int64(float64(size)/p.Most.Seconds()/4))
}

// total is the time for a file of size bytes; zero or less: unknown size.
func (p Pace) total(size int64) time.Duration {
	if size <= 0 {
		return min(unknown, p.Most)
	}
	if seconds := size / p.Rate; seconds < int64(p.Most/time.Second) {
		return min(p.Most, slack+time.Duration(seconds)*time.Second)
	}
	return p.Most
}

// errTotal is the cause of ending a download whose total time is over.
var errTotal = errors.New("the total time is over")

// pacer measures a download, over all its connections, against a least rate.
type pacer struct {
	rate   int64
	got    int64 // bytes in this window
	waited time.Duration
	slow   error // of the last whole window; nil: it was fast enough
}

// read reads from a body. With the bytes that end a window, it reports whether
// that window was too slow.
func (p *pacer) read(body io.Reader, b []byte) (n int, slow bool, err error) {
	began := time.Now()
	n, err = body.Read(b)
	p.got, p.waited = p.got+int64(n), p.waited+time.Since(began)
	if err != nil || p.waited < window {
		return n, false, err
	}
	got, waited := p.got, p.waited
	p.got, p.waited, p.slow = 0, 0, nil
	if float64(got) >= float64(p.rate)*waited.Seconds() {
		return n, false, nil
	}
	p.slow = fmt.Errorf("the server is too slow: %d bytes in %v, and the least is %d bytes per second (INT-11)", got, waited.Round(time.Millisecond), p.rate)
	return n, true, nil
}
