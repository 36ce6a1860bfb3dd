// Package server is a Patchpolicy server in one process: a controller on SQLite in a folder, agents' routes on the loopback,
// and the loop that makes orders when they are due.
package server

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// CheckIn is how often agents call: often enough that nobody waits for an example.
const CheckIn = 400 * time.Millisecond

// tick is how often the server looks for orders that are due.
const tick = 200 * time.Millisecond

// Server serves agents until Close. The controller's use cases are its own.
type Server struct {
	*controller.Controller
	URL         string
	Token       string // enrols as many assets as Start was told
	Fingerprint string // of the trust document, for agents to compare

	store *sqlstore.Store
	http  *http.Server
	stop  context.CancelFunc
	loops sync.WaitGroup
	lock  sync.Mutex
	err   error // the first that ended a loop
}

// Start makes a server with fresh keys in a folder and serves it on a free port of the loopback.
func Start(ctx context.Context, dir string, assets int) (*Server, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	signer, key := manifest.NewSigner(private), manifest.Ed25519(public)
	trust, err := manifest.SealTrust(manifest.NewTrust(key, key, exchange.PublicKey().Bytes(), time.Now()), signer)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	store, err := sqlstore.OpenSQLite(ctx, filepath.Join(dir, "server.db"))
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	control, err := controller.New(store, controller.Config{
		Signer: signer, Trust: manifest.Chain{trust}, Exchange: []*ecdh.PrivateKey{exchange},
		Timing: manifest.Timing{CheckIn: CheckIn, Publish: -1, Jitter: -1},
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s := &Server{Controller: control, Token: rand.Text(), Fingerprint: manifest.TrustFingerprint(trust), store: store}
	if _, err := control.AddToken(ctx, s.Token, controller.Token{Name: "quickstart", Uses: assets}, time.Now()); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server: %w", err), store.Close())
	}
	s.URL = "http://" + listener.Addr().String()
	s.http = agenthttp.NewServer("", agenthttp.NewHandler(agenthttp.FromController(control, nil), agenthttp.Options{}))
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.loops.Go(func() { s.failed(s.http.Serve(listener)) })
	s.loops.Go(func() { s.failed(s.makeOrders(ctx)) })
	return s, nil
}

// SyncFeed brings what a feed offers into the catalog. Rejected records are an error: an example has none.
func (s *Server) SyncFeed(ctx context.Context, feed catalog.Feed) error {
	batch, err := feed.Fetch(ctx)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	changes, err := s.Sync(ctx, []catalog.Batch{batch}, time.Now())
	for i := range changes.Rejected {
		err = errors.Join(err, &changes.Rejected[i])
	}
	return err
}

// Begin saves a job and enables it.
func (s *Server) Begin(ctx context.Context, d job.Definition) (job.RunID, error) {
	if _, err := s.SaveJob(ctx, d, time.Now()); err != nil {
		return "", err
	}
	return s.EnableJob(ctx, d.ID, time.Now())
}

// Close ends serving and returns what went wrong meanwhile.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	s.loops.Wait()
	return errors.Join(s.err, err, s.store.Close())
}

func (s *Server) makeOrders(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if _, err := s.Tick(ctx, time.Now()); err != nil && ctx.Err() == nil {
			return fmt.Errorf("server: orders are no longer made: %w", err)
		}
	}
}

func (s *Server) failed(err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.err == nil && !errors.Is(err, http.ErrServerClosed) {
		s.err = err
	}
}
