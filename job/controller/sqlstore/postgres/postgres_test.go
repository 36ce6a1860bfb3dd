package postgres

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/postgrestest"
	"github.com/patchpolicy/patchpolicy/job/controller"
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
