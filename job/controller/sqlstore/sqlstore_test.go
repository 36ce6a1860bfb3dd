package sqlstore

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/storetest"
	"github.com/stretchr/testify/require"
)

func TestStore(t *testing.T) {
	for name, path := range map[string]func(sub *testing.T, name string) string{
		"a file each": func(sub *testing.T, name string) string { return filepath.Base(sub.Name()) + " " + name + ".db" },
		"one file":    func(*testing.T, string) string { return "all.db" },
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "a file each" {
				t.Skip("SKIPPED ALOUD: many files take a while; run without -short")
			}
			folder := t.TempDir()
			storetest.Run(t, storetest.Harness{
				Open: func(t *testing.T, name string) controller.Store {
					s, err := OpenSQLite(context.Background(), filepath.Join(folder, path(t, name)))
					require.NoError(t, err)
					return s
				},
				Durable: true,
				Breaks: map[string]func(*testing.T, controller.Store) func(){
					"a full disk": func(t *testing.T, s controller.Store) func() {
						writerExec(t, s, "PRAGMA max_page_count = 1") // the engine makes it what is there
						return func() { writerExec(t, s, "PRAGMA max_page_count = 4294967294") }
					},
					// A reference to a row that is missing, which the engine
					// looks for at the commit.
					"a commit that fails": func(t *testing.T, s controller.Store) func() {
						writerExec(t, s, `PRAGMA foreign_keys = ON;
							CREATE TABLE owners (id INTEGER PRIMARY KEY);
							CREATE TABLE owned (id INTEGER REFERENCES owners DEFERRABLE INITIALLY DEFERRED);
							CREATE TRIGGER orphan AFTER INSERT ON records BEGIN INSERT INTO owned VALUES (1); END`)
						return func() { writerExec(t, s, "DROP TRIGGER orphan; DROP TABLE owned; DROP TABLE owners") }
					},
				},
			})
		})
	}
}

func writerExec(t *testing.T, s controller.Store, statements string) {
	t.Helper()
	_, err := s.(*Store).write.Exec(statements)
	require.NoError(t, err)
}

func TestSettingsThatMakeACommitDurable(t *testing.T) {
	s, err := OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "a b%c?d#e.db")) // a name that a URL would garble
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for _, db := range []*sql.DB{s.write, s.read} {
		var mode string
		var synchronous int
		require.NoError(t, db.QueryRow("PRAGMA journal_mode").Scan(&mode))
		require.NoError(t, db.QueryRow("PRAGMA synchronous").Scan(&synchronous))
		require.Equal(t, "wal", mode)
		require.Equal(t, 2, synchronous, "FULL")
	}
	_, err = s.read.Exec("DELETE FROM records")
	require.Error(t, err, "the reading side cannot write")
}

func TestFileIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there are no such modes
	}
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := OpenSQLite(context.Background(), path)
	require.NoError(t, err)
	require.NoError(t, s.Update(context.Background(), func(w controller.Writer) error { return w.Put("t", "k", nil) }))
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), suffix)
	}
	require.NoError(t, s.Close())
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	require.NoError(t, os.WriteFile(text, []byte("this is a letter to my aunt, and no database at all, as everybody can see"), 0o600))
	_, err := OpenSQLite(context.Background(), text)
	require.ErrorContains(t, err, text)
	_, err = OpenSQLite(context.Background(), filepath.Join(dir, "no", "such", "folder.db"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = OpenSQLite(context.Background(), dir)
	require.Error(t, err)
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := OpenSQLite(context.Background(), path)
	require.NoError(t, err)
	_, err = s.write.Exec("PRAGMA user_version = 7")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = OpenSQLite(context.Background(), path)
	require.ErrorIs(t, err, ErrNewer)
	require.ErrorContains(t, err, "it has schema version 7, this program knows up to 1")
}
