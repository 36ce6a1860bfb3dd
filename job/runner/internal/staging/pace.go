package staging

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"
)

// Pace says how slow a download may be (INT-11): slow is a failure, or a vendor that sends a byte now and then keeps an
// execution, and the jobs that wait for it, as long as it likes. The zero value of a field is its default.
//
// Two bounds hold, both from the size that the order tells. A connection that brings less than the least rate over a whole
// Window is cut off, and no try counts as headway until a window was fast enough. The file as a whole, with all its tries, has its total
// time; what came until then is kept and resumed by the next download, where the server lets it.
//
//	size       least rate    total time (defaults)
//	10 kB      4 KiB/s       2 min 2 s
//	100 MiB    4 KiB/s       7 h 9 min
//	338 MiB    4 KiB/s       24 h
//	4 GiB      12 KiB/s      24 h, which is 50 kB/s on the average
//	unknown    4 KiB/s       6 h
//
// 4 KiB/s is half of what the slowest satellite links in use bring, and the 24 hours are those of JOB-27. Only the time in
// which the server is waited for counts towards the rate, not that of the own disk.
type Pace struct {
	Rate    int64         // least bytes per second; default 4 KiB
	Window  time.Duration // over which the rate is taken; default 1 min
	Most    time.Duration // the longest total time; default 24 h
	Unknown time.Duration // total time of a file of unknown size, Most at most; default 6 h
}

// slack is what the total time allows for connections and tries that bring nothing.
const slack = 2 * time.Minute

func (p Pace) withDefaults() Pace {
	p.Rate, p.Window = cmp.Or(p.Rate, 4<<10), cmp.Or(p.Window, time.Minute)
	p.Most = cmp.Or(p.Most, 24*time.Hour)
	p.Unknown = min(cmp.Or(p.Unknown, 6*time.Hour), p.Most)
	return p
}

// rate is the least rate for a file of size bytes: a file that is large for the total time needs a quarter of the average
// that would just do, so that a hopeless download ends early and a link that is slow for an hour is none.
func (p Pace) rate(size int64) int64 {
	return max(p.Rate, int64(float64(size)/p.Most.Seconds()/4))
}

// total is the time for a file of size bytes; zero or less: unknown.
func (p Pace) total(size int64) time.Duration {
	if size <= 0 {
		return p.Unknown
	}
	if seconds := size / p.Rate; seconds < int64(p.Most/time.Second) {
		return min(p.Most, slack+time.Duration(seconds)*time.Second)
	}
	return p.Most
}

// SlowError says that a source was too slow (INT-11).
type SlowError struct {
	Got  int64         // bytes that came
	In   time.Duration // in this time
	Rate int64         // the least bytes per second; zero: In is the total time that the file has
}

func (e *SlowError) Error() string {
	if e.Rate == 0 {
		return fmt.Sprintf("the download was not complete after %v, the most that a file of its size may take (INT-11): %d bytes came", e.In, e.Got)
	}
	return fmt.Sprintf("the server is too slow: %d bytes in %v, and the least is %d bytes per second (INT-11)", e.Got, e.In.Round(time.Millisecond), e.Rate)
}

// errTotal is the cause of ending a download whose time is over.
var errTotal = errors.New("the total time is over")

// pacer holds a download, over all its connections, to a least rate.
type pacer struct {
	rate   int64
	window time.Duration
	got    int64 // bytes in this window
	waited time.Duration
	slow   *SlowError // of the last whole window; nil: it was none
}

// read reads from a body. It says with the bytes that end a window whether too few came in it.
func (p *pacer) read(body io.Reader, b []byte) (n int, slow bool, err error) {
	began := time.Now()
	n, err = body.Read(b)
	p.got, p.waited = p.got+int64(n), p.waited+time.Since(began)
	if err != nil || p.waited < p.window {
		return n, false, err
	}
	got, waited := p.got, p.waited
	p.got, p.waited, p.slow = 0, 0, nil
	if float64(got) >= float64(p.rate)*waited.Seconds() {
		return n, false, nil
	}
	p.slow = &SlowError{Got: got, In: waited, Rate: p.rate}
	return n, true, nil
}
