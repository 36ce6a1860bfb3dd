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

// Bounds of wrong tokens. A right one costs nothing.
var (
	perAddress = rate{burst: 10, every: 6 * time.Second}
	overall    = rate{burst: 200, every: time.Second / 2}
)

// maxAddresses is how many addresses are remembered, twice: more than that are held by the overall bound alone.
const maxAddresses = 4096

// rate lets burst wrong tokens pass at once, and one more in each interval.
type rate struct {
	burst float64
	every time.Duration
}

// bucket is what is left of a rate. The zero bucket is full.
type bucket struct {
	spent float64
	at    time.Time
}

// wait is how long nothing is left; a wrong token is taken from it.
func (b *bucket) wait(r rate, now time.Time, wrong bool) time.Duration {
	if since := now.Sub(b.at); since > 0 {
		b.spent, b.at = max(0, b.spent-float64(since)/float64(r.every)), now
	}
	if wrong { // what came at once is a debt, with a bound
		b.spent = min(b.spent+1, 10*r.burst)
	}
	return time.Duration(max(0, b.spent-r.burst) * float64(r.every))
}

// limiter slows and logs whoever sends wrong tokens. An address is an IPv4 address or a /64 of IPv6; behind a proxy it is the
// proxy's. The right administrator's token always passes, since it is told from wrong ones at once. Whether an enrolment token
// is right shows only when it is used: an address that sent too many wrong ones waits with a right one, too, and others do
// so once the bound over all addresses is reached.
type limiter struct {
	logger *slog.Logger
	now    func() time.Time

	mu        sync.Mutex
	all       bucket
	addresses map[netip.Prefix]*bucket // the older half is forgotten when the newer one is full
	older     map[netip.Prefix]*bucket
}

func newLimiter(logger *slog.Logger) *limiter {
	return &limiter{logger: logger, now: time.Now, addresses: map[netip.Prefix]*bucket{}}
}

// wait is how long a caller has to wait with the next try. With wrong, this one was.
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
	if wrong && before == 0 { // later ones would fill the log
		next := ""
		if after > 0 {
			next = "slowed from now on"
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

// admin limits the routes that take the administrator's token, which answer 401 to a wrong one.
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
				Status: slow(w, 0, wait), Title: http.StatusText(http.StatusTooManyRequests), Text: "too many wrong enrolment tokens came",
				Hint: fmt.Sprintf("Look at the token, and try again in %v.", wait.Round(time.Second)+time.Second),
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(p.Status)
			_ = json.NewEncoder(w).Encode(p) // the client has gone
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

// slow turns a status into 429 when the caller has to wait.
func slow(w http.ResponseWriter, status int, wait time.Duration) int {
	if wait <= 0 {
		return status
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return http.StatusTooManyRequests
}

// answer lets status look at the status of an answer, and change it.
type answer struct {
	http.ResponseWriter
	status func(int) int
}

func (a *answer) WriteHeader(status int) { a.ResponseWriter.WriteHeader(a.status(status)) }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
