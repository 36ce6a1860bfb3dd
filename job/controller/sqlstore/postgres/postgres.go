package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore/internal/sqltx"
)

// connections is how many each side of a store has: with 8, five servers stay
// below PostgreSQL's default of 100 for all clients.
const connections = 8

// Store is a controller.Store on a PostgreSQL database.
type Store struct {
	write, read *sql.DB // so that Views and Updates never wait for each other
	records     sqltx.Store
}

// Open connects to a database, and makes or updates its tables. Name is a URL
// like "postgres://patchpolicy@db.acme.example/patchpolicy", or the parameters
// as libpq has them. What it leaves out comes from the environment (PGHOST,
// PGPASSWORD, PGPASSFILE …). Of several hosts, the one that takes writes is
// used.
//
// The error is [ErrNewer], or pgx's; it never has the password.
func Open(ctx context.Context, name string) (*Store, error) {
	config, err := pgx.ParseConfig(name)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if config.ValidateConnect == nil { // no target_session_attrs is given
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	for k, v := range settings {
		config.RuntimeParams[k] = v
	}
	config.RuntimeParams["application_name"] = cmp.Or(config.RuntimeParams["application_name"], "patchpolicy")
	s := &Store{write: connect(config), read: connect(config)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.shut())
	}
	return s, nil
}

func connect(config *pgx.ConnConfig) *sql.DB {
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute) // so that a quiet server holds few
	return db
}

func (s *Store) open(ctx context.Context) error {
	if err := migrate(ctx, s.write, migrations); err != nil {
		return err
	}
	s.records.Dialect = &dialect
	s.records.Read = sqltx.Side{DB: s.read, Options: sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true}}
	s.records.Write = sqltx.Side{DB: s.write, Options: sql.TxOptions{Isolation: sql.LevelSerializable}}
	return errors.Join(s.records.Read.Prepare(ctx, &dialect, false), s.records.Write.Prepare(ctx, &dialect, true))
}

// View implements controller.Store.
func (s *Store) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.records.View(ctx, fn)
}

// Update implements controller.Store.
func (s *Store) Update(ctx context.Context, fn func(controller.Writer) error) error {
	return s.records.Update(ctx, fn)
}

// Close implements controller.Store.
func (s *Store) Close() error {
	if err := s.records.Close(); err != nil {
		return err
	}
	return s.shut()
}

func (s *Store) shut() error { return errors.Join(s.read.Close(), s.write.Close()) }
