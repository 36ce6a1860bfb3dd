package killtest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

func serverFiles(dir string) serve.Files { return serve.In(filepath.Join(dir, "server")) }
func feedFile(dir string) string         { return filepath.Join(dir, "feed.json") }

// listening reports the server's address to the test.
func listening(addr net.Addr) { fmt.Println(addr) }

// runServer is the server's process: examples/server as it is.
func runServer(s spec) error {
	feed, err := jsonfeed.New("vendor", feedFile(s.Dir), jsonfeed.Options{})
	if err != nil {
		return err
	}
	return serve.Run(context.Background(), serve.Config{
		Files: serverFiles(s.Dir), Listen: "127.0.0.1:0", SyncEvery: time.Hour, CheckIn: time.Minute,
		Feeds: []catalog.Feed{feed}, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Listening: listening,
	})
}

// runStepped is the server's process with points: before and after each commit,
// and before and after each answer.
func runStepped(s spec) error {
	files := serverFiles(s.Dir)
	keys, err := files.ReadKeys()
	if err != nil {
		return err
	}
	token, err := serve.ReadToken(files.AdminToken)
	if err != nil {
		return err
	}
	p, err := openPoints(s)
	if err != nil {
		return err
	}
	ctx := context.Background()
	store, err := sqlstore.OpenSQLite(ctx, files.DB)
	if err != nil {
		return err
	}
	ctl, err := controller.New(&steppedStore{Store: store, points: p, fault: s.Fault}, controllerConfig(keys))
	if err != nil {
		return err
	}
	feed, err := jsonfeed.New("vendor", feedFile(s.Dir), jsonfeed.Options{})
	if err != nil {
		return err
	}
	sync := func(ctx context.Context, _ catalog.FeedID) (adminhttp.Synced, error) {
		batch, err := feed.Fetch(ctx)
		if err != nil {
			return adminhttp.Synced{}, err
		}
		changes, err := ctl.Sync(ctx, []catalog.Batch{batch}, time.Now())
		return adminhttp.Synced{Changes: changes}, err
	}
	if _, err := sync(ctx, ""); err != nil {
		return err
	}
	kick := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.Handle(adminhttp.Prefix, adminhttp.NewHandler(adminhttp.Options{Controller: ctl, Token: token, Sync: sync, Changed: func() {
		select {
		case kick <- struct{}{}:
		default:
		}
	}}))
	mux.Handle("/", agenthttp.NewHandler(ctl, agenthttp.Options{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	listening(listener.Addr())
	server := agenthttp.NewServer("", stepped(mux, p))
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	for {
		if _, err := ctl.Tick(ctx, time.Now()); err != nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		case <-kick:
		case <-time.After(every):
		}
	}
}

func controllerConfig(k serve.Keys) controller.Config {
	return controller.Config{Signer: k.Signer, Trust: k.Trust, Exchange: k.Exchange, Every: time.Minute}
}

// steppedStore has a point at the end of each transaction, before the commit,
// and one after it. Their names say what was written.
type steppedStore struct {
	controller.Store
	points *points
	fault  string
}

func (s *steppedStore) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if s.fault == faultStore {
		return s.lazily(ctx, fn)
	}
	key := ""
	err := s.Store.Update(ctx, func(w controller.Writer) error {
		noting := noting{w, map[controller.Table]bool{}}
		if err := fn(noting); err != nil {
			return err
		}
		key = noting.key()
		s.points.pass("commit:before " + key)
		return nil
	})
	if err == nil {
		s.points.pass("commit:after " + key)
	}
	return err
}

// lazily is the planted fault: a transaction that accepts reports is
// acknowledged a moment before it is committed.
func (s *steppedStore) lazily(ctx context.Context, fn func(controller.Writer) error) error {
	acknowledged := make(chan error, 1)
	go func() {
		early := false
		err := s.Store.Update(context.WithoutCancel(ctx), func(w controller.Writer) error {
			noting := noting{w, map[controller.Table]bool{}}
			if err := fn(noting); err != nil || early || !noting.written["reports"] {
				return err
			}
			early = true
			acknowledged <- nil
			time.Sleep(every)
			s.points.pass("commit:late")
			return nil
		})
		if !early {
			acknowledged <- err
		}
	}()
	return <-acknowledged
}

// noting is a Writer that notes the tables written to.
type noting struct {
	controller.Writer
	written map[controller.Table]bool
}

func (n noting) key() string {
	var names []string
	for _, t := range slices.Sorted(maps.Keys(n.written)) {
		names = append(names, string(t))
	}
	return strings.Join(names, "+")
}

func (n noting) Put(t controller.Table, key string, value []byte) error {
	n.written[t] = true
	return n.Writer.Put(t, key, value)
}

func (n noting) Delete(t controller.Table, key string) error {
	n.written[t] = true
	return n.Writer.Delete(t, key)
}

// instants are what a run's name has after its job's.
var instants = regexp.MustCompile(`@[0-9TZ]+`)

// stepped has a point before an answer is sent and one after it.
func stepped(next http.Handler, p *points) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Method + " " + instants.ReplaceAllString(r.URL.Path, "")
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		p.pass("answer:before " + name)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, err := w.Write(answer.Body.Bytes())
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		if err == nil {
			p.pass("answer:after " + name)
		}
	})
}
