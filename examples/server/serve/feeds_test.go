package serve

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// feed is good once, and unchanged from then on.
type feed struct{ told bool }

func (f *feed) ID() catalog.FeedID { return "feed" }

func (f *feed) Fetch(context.Context) (catalog.Batch, error) {
	b := catalog.Batch{Feed: "feed", Unchanged: f.told}
	if !f.told {
		b.Products = []catalog.Product{{ID: "editor", Name: "editor", Platform: catalog.Linux, Scheme: version.Semver}}
	}
	f.told = true
	return b, nil
}

type broken struct {
	controller.Store
	broken bool
}

var errDisk = errors.New("disk full")

func (s *broken) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if s.broken {
		return errDisk
	}
	return s.Store.Update(ctx, fn)
}

func newController(t *testing.T, s controller.Store) *controller.Controller {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	c, err := controller.New(s, controller.Config{Signer: manifest.NewSigner(key)})
	require.NoError(t, err)
	return c
}

// What a feed brought while the catalog could not be stored is not lost,
// although the feed answers "unchanged" from then on.
func TestGoodBatchSurvivesAFailedSync_CAT1(t *testing.T) {
	store := &broken{Store: memstore.New(memstore.Options{}), broken: true}
	c := newController(t, store)
	s := &syncer{controller: c, feeds: []catalog.Feed{&feed{}}, logger: slog.New(slog.DiscardHandler)}
	for range 2 {
		_, err := s.run(context.Background(), "")
		require.ErrorIs(t, err, errDisk)
	}
	store.broken = false
	_, err := s.run(context.Background(), "")
	require.NoError(t, err)
	snap, err := c.Snapshot(context.Background())
	require.NoError(t, err)
	_, found := snap.Product("editor")
	require.True(t, found)
}

// A restarted server begins with feeds that remember nothing, so "unchanged"
// never refers to data that was not stored.
func TestFailingFeedIsReported_CAT1(t *testing.T) {
	feeds, err := Feeds(Sources{JSON: []string{filepath.Join(t.TempDir(), "missing.json")}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	c := newController(t, memstore.New(memstore.Options{Seed: 3}))
	s := &syncer{controller: c, feeds: feeds, logger: slog.New(slog.DiscardHandler)}
	changes, err := s.run(context.Background(), "")
	require.NoError(t, err)
	require.Len(t, changes.Failed, 1)
	got, err := c.Feeds(context.Background(), time.Now())
	require.NoError(t, err)
	require.False(t, got[0].Healthy)
	require.Contains(t, got[0].Err, "missing.json")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.run(ctx, "")
	require.ErrorIs(t, err, context.Canceled, "a stop is no failure of a feed")
}

func TestFeedsKeepPasswordsToThemselves(t *testing.T) {
	feeds, err := Feeds(Sources{JSON: []string{"https://me:s3cret@vendor.example/patches.json"}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, catalog.FeedID("https://me:xxxxx@vendor.example/patches.json"), feeds[0].ID())
}

func TestSecretFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	files, chain, err := Init(dir, 1, 1)
	require.NoError(t, err)
	keys, err := files.ReadKeys()
	require.NoError(t, err)
	require.Equal(t, chain[0], []byte(keys.Trust[0]))
	secret, err := ReadToken(files.AdminToken)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(secret), 20)
	_, _, err = Init(dir, 1, 1)
	require.ErrorContains(t, err, "not replaced")
	again, err := files.ReadKeys()
	require.NoError(t, err)
	require.Equal(t, keys, again)

	_, err = readSeeds(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = readSeeds(dir)
	require.Error(t, err)
	for _, content := range []string{"", "x", "c2hvcnQ=", strings.Repeat("A", 5000)} {
		path := filepath.Join(t.TempDir(), "bad")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err = readSeeds(path)
		require.Error(t, err, "%.10q", content)
	}
	for _, content := range []string{"", "short", "two words that are long enough"} {
		path := filepath.Join(t.TempDir(), "bad")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err = ReadToken(path)
		require.Error(t, err, content)
	}
}

// After a failure at any point, like a full disk, Init can be called again. It
// never replaces an existing file.
func TestInitIsRepeated(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "server")
	files, public, err := Init(dir, 1, 1)
	require.NoError(t, err)
	first, err := ReadToken(files.AdminToken)
	require.NoError(t, err)
	require.True(t, token.IsAdmin(first))
	require.NoError(t, os.Remove(files.AdminToken))
	require.NoError(t, os.WriteFile(files.AdminToken+".123.tmp", nil, 0o600)) // that a crash left
	_, again, err := Init(dir, 1, 1)
	require.NoError(t, err)
	require.Equal(t, public, again, "the key stays")
	second, err := ReadToken(files.AdminToken)
	require.NoError(t, err)
	require.NotEqual(t, first, second)

	require.NoError(t, os.Remove(files.Trust)) // it is made last: no agent has enrolled
	_, _, err = Init(dir, 1, 1)
	require.NoError(t, err)
	kept, err := ReadToken(files.AdminToken)
	require.NoError(t, err)
	require.Equal(t, second, kept)
	require.NoError(t, os.WriteFile(files.DB, []byte("x"), 0o600))
	require.NoError(t, os.Remove(files.Trust))
	_, _, err = Init(dir, 1, 1)
	require.ErrorContains(t, err, "put your copy of the keys back")
	require.NoFileExists(t, files.Trust)
	require.NoError(t, os.Remove(files.DB))
	require.NoError(t, os.WriteFile(files.Key, nil, 0o600))
	_, _, err = Init(dir, 1, 1)
	require.ErrorContains(t, err, "holds no key")
	require.NoFileExists(t, files.Trust)
}

// Keys that belong to others, that others can read, or that others could
// replace are refused, with the command that helps.
func TestOthersSecretsAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: acting as another user needs root")
	}
	for name, c := range map[string]struct {
		spoil func(path string) error
		says  string
	}{
		"others read it":         {func(p string) error { return os.Chmod(p, 0o644) }, "chmod 600"},
		"others write it":        {func(p string) error { return os.Chmod(p, 0o666) }, "chmod 600"},
		"somebody's":             {func(p string) error { return os.Chown(p, 65534, 65534) }, "chown 0"},
		"in somebody's folder":   {func(p string) error { return os.Chown(filepath.Dir(p), 65534, 65534) }, "chown 0"},
		"in a folder for all":    {func(p string) error { return os.Chmod(filepath.Dir(p), 0o777) }, "chmod go-w"},
		"above a folder for all": {func(p string) error { return os.Chmod(filepath.Dir(filepath.Dir(p)), 0o777) }, "chmod go-w"},
		"a link":                 {func(p string) error { return errors.Join(os.Rename(p, p+".real"), os.Symlink(p+".real", p)) }, "is a link"},
		"a folder":               {func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }, "is a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			files, _, err := Init(filepath.Join(t.TempDir(), "a", "b"), 1, 1)
			require.NoError(t, err)
			require.NoError(t, c.spoil(files.Key))
			_, err = files.ReadKeys()
			require.ErrorContains(t, err, c.says)
			files, _, err = Init(filepath.Join(t.TempDir(), "a", "b"), 1, 1)
			require.NoError(t, err)
			require.NoError(t, c.spoil(files.AdminToken))
			_, err = ReadToken(files.AdminToken)
			require.ErrorContains(t, err, c.says)
			_, _, err = Init(filepath.Dir(files.AdminToken), 1, 1)
			require.Error(t, err)
		})
	}
}

// dated brings what a test sets, and answers "unchanged" the next time.
type dated struct {
	at   time.Time
	told time.Time
}

func (f *dated) ID() catalog.FeedID { return "dated" }

func (f *dated) Fetch(context.Context) (catalog.Batch, error) {
	b := catalog.Batch{Feed: "dated", Dated: f.at, Unchanged: f.told.Equal(f.at)}
	if f.told = f.at; !b.Unchanged {
		b.Products = []catalog.Product{{ID: "editor", Name: "as of " + f.at.Format(time.DateOnly), Platform: catalog.Linux, Scheme: version.Semver}}
	}
	return b, nil
}

// Older data is refused at every sync until it is accepted by name, although
// the feed itself answers "unchanged" by then.
func TestOlderDataIsAcceptedByName_CAT2(t *testing.T) {
	c := newController(t, memstore.New(memstore.Options{}))
	day := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	f := &dated{at: day}
	feeds := []catalog.Feed{f}
	settings, err := SettingsOf(nil, []string{"dated=240h"}, feeds)
	require.NoError(t, err)
	s := &syncer{controller: c, feeds: feeds, settings: settings, logger: slog.New(slog.DiscardHandler)}
	sync := func(accept catalog.FeedID) (failed int, name string, status controller.FeedStatus) {
		changes, err := s.run(t.Context(), accept)
		require.NoError(t, err)
		snap, err := c.Snapshot(t.Context())
		require.NoError(t, err)
		product, _ := snap.Product("editor")
		list, err := c.Feeds(t.Context(), day.AddDate(0, 0, 10))
		require.NoError(t, err)
		return len(changes.Failed), product.Name, list[0]
	}
	failed, name, status := sync("")
	require.Zero(t, failed)
	require.Equal(t, "as of 2026-03-10", name)
	require.True(t, status.Stale, "its data is 240 h old")
	f.at = day.AddDate(0, 0, -1)
	for range 2 {
		failed, name, status = sync("")
		require.Equal(t, 1, failed)
		require.Equal(t, "as of 2026-03-10", name)
		require.Contains(t, status.Err, "dated 2026-03-09")
	}
	_, err = s.run(t.Context(), "nobody")
	require.ErrorContains(t, err, `no feed "nobody" is known`)
	failed, name, _ = sync("dated")
	require.Zero(t, failed)
	require.Equal(t, "as of 2026-03-09", name)
	failed, _, status = sync("")
	require.Zero(t, failed)
	require.True(t, status.Healthy)
	f.at = day.AddDate(0, 0, -2)
	failed, _, _ = sync("")
	require.Equal(t, 1, failed, "an act is for once")
}

func TestMaxAges_CAT2(t *testing.T) {
	feeds := []catalog.Feed{&dated{}}
	for _, bad := range []string{"dated", "dated=", "dated=10", "dated=-1h", "other=1h", "=1h"} {
		_, err := SettingsOf(nil, []string{bad}, feeds)
		require.ErrorContains(t, err, "maximum age", bad)
	}
}

func TestEndOfLifeDocumentsAreOneFeed_CAT11(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": `[{"cycle":"1","eol":true}]`, "b": `[{"cycle":"2","eol":"2026-01-01"}]`} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	feeds, err := Feeds(Sources{EOL: []string{filepath.Join(dir, "a") + " acme  acme/*", filepath.Join(dir, "b") + " other"}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Len(t, feeds, 1)
	b, err := feeds[0].Fetch(t.Context())
	require.NoError(t, err)
	require.Equal(t, catalog.FeedID("eol"), b.Feed)
	require.Len(t, b.Lines, 3)
	_, err = Feeds(Sources{EOL: []string{"a.json"}}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "a.json speaks of 0 products")
}

// Feeds answer "unchanged" for what this server has seen. When it leads again
// after another server, they begin again, and bring what it missed.
func TestFeedsBeginAgainWithALeadership_CAT1(t *testing.T) {
	c, made := newController(t, memstore.New(memstore.Options{})), 0
	s := &syncer{controller: c, feeds: []catalog.Feed{&feed{}}, logger: slog.New(slog.DiscardHandler), remake: func() ([]catalog.Feed, error) {
		made++
		return []catalog.Feed{&feed{}}, nil
	}}
	for _, step := range []struct {
		fence controller.Fence
		made  int
	}{{1, 0}, {1, 0}, {4, 1}, {4, 1}, {5, 2}} {
		_, err := s.lead(t.Context(), step.fence, "")
		require.NoError(t, err)
		require.Equal(t, step.made, made)
		require.True(t, s.feeds[0].(*feed).told)
	}
}
