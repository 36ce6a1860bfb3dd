package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Bounds of one round of probing.
const (
	probeMost   = 500              // URLs per round; the next round goes on from there
	probeAtOnce = 8                // requests at a time
	probeTime   = 10 * time.Second // for one URL
	probeRound  = 2 * time.Minute  // for all of them: orders may wait for the round
	probeFresh  = 5 * time.Minute  // maximum age of a round when orders are made
)

// prober finds out which files of patches near their end of life can be reached
// (CAT-10).
type prober struct {
	controller *controller.Controller
	client     *http.Client
	logger     *slog.Logger

	mu   sync.Mutex
	last time.Time
	past string // the last URL probed
}

// run does one round, unless the last one is younger than fresh.
func (p *prober) run(ctx context.Context, fresh time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.last.IsZero() && time.Since(p.last) < fresh {
		return
	}
	if err := p.round(ctx); err != nil && ctx.Err() == nil {
		p.logger.Error("probing", "err", err)
	}
	p.last = time.Now()
}

func (p *prober) round(ctx context.Context) error {
	urls, err := p.controller.ProbeURLs(ctx)
	if err != nil {
		return err
	}
	if len(urls) > probeMost {
		first := 0
		for first < len(urls) && urls[first] <= p.past {
			first++
		}
		urls = append(urls[first:], urls[:first]...)[:probeMost]
	}
	asking, stop := context.WithTimeout(ctx, probeRound)
	defer stop()
	probes := make([]*controller.Probe, len(urls))
	var group errgroup.Group
	group.SetLimit(probeAtOnce)
	for i, u := range urls {
		group.Go(func() error {
			one, stop := context.WithTimeout(asking, probeTime)
			defer stop()
			err := p.probe(one, u)
			if asking.Err() != nil || errors.Is(err, errNoAnswer) {
				return nil // not known: the last result stays
			}
			probes[i] = &controller.Probe{URL: u}
			if err != nil {
				probes[i].Err = err.Error()
			}
			return nil
		})
	}
	_ = group.Wait() // no probe returns an error
	var known []controller.Probe
	for i, probe := range probes {
		if probe == nil {
			continue
		}
		known, p.past = append(known, *probe), urls[i]
		if probe.Err != "" {
			p.logger.Debug("unreachable", "url", probe.URL, "why", probe.Err)
		}
	}
	return p.controller.Probed(ctx, known, time.Now())
}

// errNoAnswer says that a server answered without saying anything about the file.
// The next round asks again.
var errNoAnswer = errors.New("the server is busy")

// probe asks for one file without fetching it.
func (p *prober) probe(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("it is not a URL")
	}
	if u.Scheme == "file" {
		info, err := os.Stat(filepath.FromSlash(u.Path)) // opens nothing
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return errors.New("there is no such file")
		case err == nil && !info.Mode().IsRegular():
			return errors.New("it is not a file")
		}
		return err
	}
	status, err := p.ask(ctx, http.MethodHead, address)
	if err == nil && status >= 400 && status != http.StatusNotFound && status != http.StatusGone {
		status, err = p.ask(ctx, http.MethodGet, address) // many servers answer HEAD differently
	}
	var failed *url.Error
	switch {
	case errors.As(err, &failed):
		return failed.Err // without the URL, which may hold a secret
	case err != nil:
		return err
	case status == http.StatusTooManyRequests:
		return errNoAnswer
	case status >= 300 && status != http.StatusRequestedRangeNotSatisfiable: // that is an empty file
		return fmt.Errorf("the server answers %d %s", status, http.StatusText(status))
	}
	return nil
}

func (p *prober) ask(ctx context.Context, method, address string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0, errors.New("it is not a URL")
	}
	if method == http.MethodGet {
		r.Header.Set("Range", "bytes=0-0")
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close() // the rest is not read
}
