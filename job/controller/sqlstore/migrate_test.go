package sqlstore

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// recorded copies the file of a version of the schema, which the release wrote
// that had this version as its newest.
func recorded(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.db")
	require.NoError(t, copyFile(path, filepath.Join("testdata", name)))
	return path
}

// Files of every earlier version are opened, and keep what is in them (MAN-11).
func TestEarlierSchemas_MAN11(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "version*.db"))
	require.NoError(t, err)
	require.Len(t, files, latest(), "one for each version")
	for _, file := range files {
		s, err := OpenSQLite(context.Background(), recorded(t, filepath.Base(file)))
		require.NoError(t, err, file)
		require.NoError(t, s.View(context.Background(), func(r controller.Reader) error {
			values, err := r.GetMany([]controller.Key{{Table: "assets", Key: "web-1\x00\x01"}, {Table: "assets", Key: "\xff\x00"}, {Table: "meta", Key: "format\x00\x01"}})
			require.Equal(t, [][]byte{[]byte(`{"id":"web-1"}`), {}, []byte("1")}, values, file)
			return err
		}))
		require.NoError(t, s.Close())
	}
}

// A database goes from any version to the newest step by step. A step that
// fails changes nothing.
func TestMigrationsGoForward(t *testing.T) {
	ctx, path := context.Background(), recorded(t, "version1.db")
	db, err := sql.Open("sqlite", source(path, write, false))
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	defer func() { require.NoError(t, db.Close()) }()
	is := func(version, assets int) {
		t.Helper()
		var have, count int
		require.NoError(t, db.QueryRow("SELECT user_version FROM pragma_user_version").Scan(&have))
		require.NoError(t, db.QueryRow("SELECT count(*) FROM records WHERE tbl = 'assets'").Scan(&count))
		require.Equal(t, []int{version, assets}, []int{have, count})
	}
	is(1, 2)
	steps := []string{schema1, "ALTER TABLE records ADD COLUMN note TEXT", "DELETE FROM records WHERE key = x'ff00'; CREATE TABLE records (x)"}
	require.ErrorContains(t, migrate(ctx, db, 1, steps), "from version 2 of its schema to 3")
	is(2, 2)
	steps[2] = "UPDATE records SET note = 'seen'; DELETE FROM records WHERE key = x'ff00'"
	require.NoError(t, migrate(ctx, db, 2, steps))
	is(3, 1)
	require.NoError(t, migrate(ctx, db, 3, steps), "there is nothing to do")
}
