package serve

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
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

// maxAddresses is how many addresses are remembered. Beyond that, only the overall
// bound holds.
const maxAddresses = 4096

// rate allows burst wrong tokens at once, and one more per interval.
type rate struct {
	burst int
	every time.Duration
}

// bucket is when all that was spent of a rate is restored. The zero bucket is
// full.
type bucket struct{ full time.Time }

// wait is how long to wait until something is left. A wrong token spends one.
func (b *bucket) wait(r rate, now time.Time, wrong bool) time.Duration {
	all := time.Duration(r.burst) * r.every
	owed := max(0, b.full.Sub(now))
	if wrong { // many at once make a debt, with a bound
		owed = min(owed+r.every, 10*all)
	}
	b.full = now.Add(owed)
	return max(0, owed-all)
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
	addresses map[netip.Prefix]*bucket
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
	b := cmp.Or(l.addresses[who], &bucket{})
	before := max(b.wait(perAddress, now, false), l.all.wait(overall, now, false))
	if !wrong {
		return before
	}
	if len(l.addresses) >= maxAddresses {
		maps.DeleteFunc(l.addresses, func(_ netip.Prefix, b *bucket) bool { return !b.full.After(now) })
	}
	if len(l.addresses) < maxAddresses {
		l.addresses[who] = b
	}
	after := max(b.wait(perAddress, now, true), l.all.wait(overall, now, true))
	if before == 0 { // more would fill the log
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

type answer struct {
	http.ResponseWriter
	status func(int) int
}

func (a *answer) WriteHeader(status int) { a.ResponseWriter.WriteHeader(a.status(status)) }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
