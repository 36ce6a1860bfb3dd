package serve

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// Bounds of wrong tokens. A right one does not count.
var (
	perAddress = rate{burst: 10, every: 6 * time.Second}
	overall    = rate{burst: 200, every: time.Second / 2}
)

// maxAddresses is how many addresses each of two generations remembers. Beyond
// that, only the overall bound holds.
const maxAddresses = 4096

// rate allows burst wrong tokens at once, and one more per interval.
type rate struct {
	burst float64
	every time.Duration
}

// bucket counts what was spent of a rate. The zero bucket is full.
type bucket struct {
	spent float64
	at    time.Time
}

// wait is how long to wait until something is left. A wrong token spends one.
func (b *bucket) wait(r rate, now time.Time, wrong bool) time.Duration {
	if since := now.Sub(b.at); since > 0 {
		b.spent, b.at = max(0, b.spent-float64(since)/float64(r.every)), now
	}
	if wrong { // many at once make a debt, with a bound
		b.spent = min(b.spent+1, 10*r.burst)
	}
	return time.Duration(max(0, b.spent-r.burst) * float64(r.every))
}

// limiter slows down and logs callers with wrong tokens. An address is an IPv4
// address or a /64 of IPv6; with a proxy in front, it is the proxy's.
//
// The right administrator's token always passes, because it is compared first.
// An enrolment token is checked only when it is used: so an address that sent
// too many wrong ones waits even with a right one, and so do all others once the
// overall bound is reached.
type limiter struct {
	logger *slog.Logger
	now    func() time.Time

	mu        sync.Mutex
	all       bucket
	addresses map[netip.Prefix]*bucket // when it is full, it becomes the older one, which is forgotten
	older     map[netip.Prefix]*bucket
}

func newLimiter(logger *slog.Logger) *limiter {
	return &limiter{logger: logger, now: time.Now, addresses: map[netip.Prefix]*bucket{}}
}

// wait is how long a caller has to wait before the next try. Wrong says that
// this try had a wrong token.
func (l *limiter) wait(r *http.Request, wrong bool) time.Duration {
	who := address(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, known := l.addresses[who]
	if !known {
		if b = l.older[who]; b == nil {
			b = &bucket{}
		}
		if wrong {
			if len(l.addresses) >= maxAddresses {
				l.addresses, l.older = map[netip.Prefix]*bucket{}, l.addresses
			}
			l.addresses[who] = b
		}
	}
	before := max(b.wait(perAddress, now, false), l.all.wait(overall, now, false))
	after := max(b.wait(perAddress, now, wrong), l.all.wait(overall, now, wrong))
	if wrong && before == 0 { // more would fill the log
		next := ""
		if after > 0 {
			next = "slowed down from now on"
		}
		l.logger.Warn("wrong token", "from", r.RemoteAddr, "path", problem.Clip(r.URL.Path, 80), "asset", problem.Clip(r.Header.Get(agenthttp.HeaderAsset), 80), "next", next)
	}
	return after
}

func address(r *http.Request) netip.Prefix {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := at.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // both fit
	return p
}

// admin limits the routes for the administrator, which answer 401 to a wrong
// token.
func (l *limiter) admin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&answer{w, func(status int) int {
			if status != http.StatusUnauthorized || r.Header.Get("Authorization") == "" {
				return status
			}
			return slow(w, status, l.wait(r, true))
		}}, r)
	})
}

// agents limits enrolment, which answers 403 to a wrong token.
func (l *limiter) agents(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != agenthttp.PathEnrol {
			next.ServeHTTP(w, r)
			return
		}
		if wait := l.wait(r, false); wait > 0 {
			p := agenthttp.Problem{
				Status: slow(w, 0, wait), Title: http.StatusText(http.StatusTooManyRequests), Text: "there were too many wrong enrolment tokens from this address or others",
				Hint: fmt.Sprintf("Check the token, and try again in %v.", wait.Round(time.Second)+time.Second),
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(p.Status)
			_ = json.NewEncoder(w).Encode(p) // fails only if the client is gone
			return
		}
		next.ServeHTTP(&answer{w, func(status int) int {
			if status == http.StatusForbidden {
				l.wait(r, true)
			}
			return status
		}}, r)
	})
}

// slow turns a status into 429 if the caller has to wait.
func slow(w http.ResponseWriter, status int, wait time.Duration) int {
	if wait <= 0 {
		return status
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return http.StatusTooManyRequests
}

// answer lets a function see and change the status of an answer.
type answer struct {
	http.ResponseWriter
	status func(int) int
}

func (a *answer) WriteHeader(status int) { a.ResponseWriter.WriteHeader(a.status(status)) }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
