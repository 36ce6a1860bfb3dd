package serve

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Saved is what a backup holds.
type Saved struct {
	sqlstore.Info
	Assets, Jobs int
	Newest       manifest.Revision // the highest of any asset
}

// Backup writes a copy of the database into a new file, also while a server runs, and says what is in it.
func Backup(ctx context.Context, f Files, to string) (Saved, error) {
	if err := sqlstore.Backup(ctx, f.DB, to, time.Now()); err != nil {
		return Saved{}, err
	}
	return saved(ctx, to)
}

// Restore puts a backup in the place of the database that no server may have open. It returns what the backup holds, and the
// name that the database has now which was there before; empty: there was none. With lossy it takes a copy of a running
// server's file, which lacks what was in its log.
func Restore(ctx context.Context, dir string, f Files, from string, lossy bool) (s Saved, before string, err error) {
	if err := owned.Folder(dir); err != nil {
		return s, "", err
	}
	if before, err = sqlstore.Restore(ctx, f.DB, from, lossy, time.Now()); err != nil {
		return s, "", err
	}
	s, err = saved(ctx, f.DB)
	return s, before, err
}

// saved counts what is in a backup.
func saved(ctx context.Context, path string) (s Saved, err error) {
	store, info, err := sqlstore.OpenBackup(ctx, path)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s.Info = info
	_, private, err := ed25519.GenerateKey(nil) // nothing is signed
	if err != nil {
		return s, err
	}
	c, err := controller.New(store, controller.Config{Signer: manifest.NewSigner(private), Zone: time.LoadLocation})
	if err != nil {
		return s, err
	}
	err = pages(func(last controller.AssetStatus) ([]controller.AssetStatus, error) {
		return c.Assets(ctx, last.ID, controller.MaxPage, time.Now())
	}, func(a controller.AssetStatus) { s.Assets, s.Newest = s.Assets+1, max(s.Newest, a.Newest) })
	if err != nil {
		return s, err
	}
	return s, pages(func(last controller.JobStatus) ([]controller.JobStatus, error) {
		return c.Jobs(ctx, last.ID, controller.MaxPage)
	}, func(controller.JobStatus) { s.Jobs++ })
}

// pages gives every item of a list that comes page by page.
func pages[T any](page func(last T) ([]T, error), item func(T)) error {
	var last T
	for {
		items, err := page(last)
		if err != nil {
			return err
		}
		for _, last = range items {
			item(last)
		}
		if len(items) < controller.MaxPage {
			return nil
		}
	}
}
