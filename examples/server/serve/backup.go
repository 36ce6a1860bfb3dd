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

// Saved says what a backup holds.
type Saved struct {
	sqlstore.Info
	Assets, Jobs int
	Newest       manifest.Revision // the highest of any asset
}

// Backup writes a copy of the database to a new file, also while a server runs,
// and returns what it holds.
func Backup(ctx context.Context, f Files, to string) (Saved, error) {
	if err := sqlstore.Backup(ctx, f.DB, to, time.Now()); err != nil {
		return Saved{}, err
	}
	return saved(ctx, to)
}

// Restore replaces the database by a backup. No server may have the database
// open. It returns what the backup holds, and the new name of the former
// database, empty if there was none. With lossy it accepts a copy of a running
// server's file, which lacks what was in the log.
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

func saved(ctx context.Context, path string) (s Saved, err error) {
	store, info, err := sqlstore.OpenBackup(ctx, path)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s.Info = info
	_, private, err := ed25519.GenerateKey(nil) // for New; it signs nothing
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

// pages calls item with every item of a list that is read page by page.
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
