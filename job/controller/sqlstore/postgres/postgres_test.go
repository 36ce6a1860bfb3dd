package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/internal/postgrestest"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore/internal/sqltx"
	"github.com/patchpolicy/patchpolicy/job/controller/storetest"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

func TestStore(t *testing.T) {
	name := postgrestest.Database(t)
	storetest.Run(t, storetest.Harness{
		Open: func(t *testing.T, _ string) controller.Store {
			s, err := Open(context.Background(), name)
			require.NoError(t, err)
			return s
		},
		Durable: true,
		Breaks: map[string]func(*testing.T, controller.Store) func(){
			"a write that fails": func(t *testing.T, s controller.Store) func() {
				exec(t, s, "ALTER TABLE patchpolicy_records ADD CONSTRAINT full_disk CHECK (length(value) < 100) NOT VALID")
				return func() { exec(t, s, "ALTER TABLE patchpolicy_records DROP CONSTRAINT full_disk") }
			},
			// PostgreSQL looks for the row at the commit.
			"a commit that fails": func(t *testing.T, s controller.Store) func() {
				exec(t, s, `CREATE TABLE owners (id INT PRIMARY KEY);
					CREATE TABLE owned (id INT REFERENCES owners DEFERRABLE INITIALLY DEFERRED);
					CREATE FUNCTION orphan() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO owned VALUES (1); RETURN NEW; END';
					CREATE TRIGGER orphan AFTER INSERT ON patchpolicy_records FOR EACH ROW EXECUTE FUNCTION orphan()`)
				return func() {
					exec(t, s, "DROP TRIGGER orphan ON patchpolicy_records; DROP FUNCTION orphan; DROP TABLE owned; DROP TABLE owners")
				}
			},
		},
	})
}

func exec(t *testing.T, s controller.Store, statements string) {
	t.Helper()
	_, err := s.(*Store).write.Exec(statements)
	require.NoError(t, err)
}

// Several servers may begin at once on an empty database.
func TestManyOpenAtOnce(t *testing.T) {
	name := postgrestest.Database(t)
	var group errgroup.Group
	for range 6 {
		group.Go(func() error {
			s, err := Open(context.Background(), name)
			if err != nil {
				return err
			}
			return s.Close()
		})
	}
	require.NoError(t, group.Wait())
}

// Each way in which servers that begin at once can get in each other's way is
// known to be one.
func TestRaces(t *testing.T) {
	db := direct(t, postgrestest.Database(t))
	seen, rounds := map[string]int{}, 100
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		results := make(chan error)
		for range connections {
			go func() { results <- begin(t.Context(), db) }()
		}
		won := 0
		for range connections {
			err := <-results
			if err == nil {
				won++
				continue
			}
			require.True(t, raced(err), err)
			seen[code(err)]++
		}
		require.Equal(t, 1, won)
		_, err := db.Exec("DROP TABLE patchpolicy_schema")
		require.NoError(t, err)
	}
	t.Log(seen)
}

// A database as an earlier release left it is opened, and keeps what is in it
// (MAN-11).
func TestEarlierSchemas_MAN11(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "version*.sql"))
	require.NoError(t, err)
	require.Len(t, files, len(migrations), "one for each version")
	for _, file := range files {
		s, err := Open(context.Background(), recorded(t, file))
		require.NoError(t, err, file)
		require.NoError(t, s.View(context.Background(), func(r controller.Reader) error {
			values, err := r.GetMany([]controller.Key{{Table: "assets", Key: "web-1\x00\x01"}, {Table: "assets", Key: "\xff\x00"}, {Table: "meta", Key: "format\x00\x01"}})
			require.Equal(t, [][]byte{[]byte(`{"id":"web-1"}`), {}, []byte("1")}, values, file)
			return err
		}))
		require.NoError(t, s.Close())
	}
}

// recorded makes a database from the dump of a version of the schema.
func recorded(t *testing.T, file string) (name string) {
	t.Helper()
	name = postgrestest.Database(t)
	dump, err := os.ReadFile(file)
	require.NoError(t, err)
	db := direct(t, name)
	_, err = db.Exec(string(dump))
	require.NoError(t, err)
	return name
}

func direct(t *testing.T, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// A database goes from any version to the newest step by step, also when several
// servers take the steps at once. A step that fails changes nothing.
func TestMigrationsGoForward(t *testing.T) {
	ctx, name := context.Background(), recorded(t, filepath.Join("testdata", "version1.sql"))
	db := direct(t, name)
	is := func(version, assets int) {
		t.Helper()
		var have, count int
		require.NoError(t, db.QueryRow("SELECT version FROM patchpolicy_schema").Scan(&have))
		require.NoError(t, db.QueryRow("SELECT count(*) FROM patchpolicy_records WHERE tbl = 'assets'").Scan(&count))
		require.Equal(t, []int{version, assets}, []int{have, count})
	}
	is(1, 2)
	steps := []string{schema1, "ALTER TABLE patchpolicy_records ADD COLUMN n INT NOT NULL DEFAULT 0", "DELETE FROM patchpolicy_records WHERE key = '\\xff00'; SELECT 1/0"}
	require.ErrorContains(t, migrate(ctx, db, steps), "version 3 of its schema")
	is(2, 2)
	steps[2] = "UPDATE patchpolicy_records SET n = n + 1; DELETE FROM patchpolicy_records WHERE key = '\\xff00'"
	var group errgroup.Group
	for range 4 {
		group.Go(func() error { return migrate(ctx, db, steps) })
	}
	require.NoError(t, group.Wait())
	is(3, 1)
	var most int
	require.NoError(t, db.QueryRow("SELECT max(n) FROM patchpolicy_records").Scan(&most))
	require.Equal(t, 1, most, "a step is taken once")

	_, err := Open(ctx, name)
	require.ErrorIs(t, err, ErrNewer)
	require.ErrorContains(t, err, "it has schema version 3, this program knows up to 1")
	is(3, 1)
}

func TestOpenRefuses(t *testing.T) {
	for _, name := range []string{
		"postgres://u:secret@/x?host=/nonexistent", "postgres://u:secret@host:99999999/x", "postgres://u:secret@127.0.0.1:1/x?sslmode=disable",
	} {
		_, err := Open(context.Background(), name)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}

// No statement reads the table, or its index from end to end: that would
// conflict with everything that is written meanwhile.
func TestStatementsUseTheIndex(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, postgrestest.Database(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	keys, rows := []controller.Key{}, []sqltx.Row{}
	for i := range 3 {
		keys = append(keys, controller.Key{Table: "t", Key: fmt.Sprint(i)})
		rows = append(rows, sqltx.Row{Key: keys[i], Value: []byte("v")})
	}
	for _, count := range []int{3, 5000} { // of records: few make the planner prefer to read them all
		exec(t, s, fmt.Sprintf("INSERT INTO patchpolicy_records SELECT 't', convert_to(n::text, 'UTF8'), '' FROM generate_series(1, %d) AS n "+
			"ON CONFLICT DO NOTHING; ANALYZE patchpolicy_records", count))
		for _, c := range []struct {
			text string
			args []any
		}{
			{dialect.Get, []any{"t", []byte("1")}}, {dialect.Scan, []any{"t", []byte("1"), []byte("2"), 3}},
			{dialect.GetMany, dialect.Keys(keys)}, {dialect.Delete, dialect.Deletes(keys)[0]},
		} {
			list, err := s.write.QueryContext(ctx, "EXPLAIN "+c.text, c.args...)
			require.NoError(t, err)
			plan, line := "", ""
			for list.Next() {
				require.NoError(t, list.Scan(&line))
				plan += line + "\n"
			}
			require.NoError(t, list.Err())
			require.Regexp(t, `(?s)(Index (Only )?Scan using|Bitmap Index Scan on) patchpolicy_records_pkey.*Index Cond: \(.*tbl = .*key`, plan, c.text)
			require.NotContains(t, plan, "Seq Scan", c.text)
		}
	}
	require.Len(t, dialect.Puts(rows), 1)
}
