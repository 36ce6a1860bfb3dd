package boltstate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/patchpolicy/patchpolicy/job/runner"
)

// lockWait is how long Open waits for another agent that is just stopping.
const lockWait = 5 * time.Second

// maxState is the largest state in bytes: full queues and all reports of a
// month without a server fit many times.
const maxState = 256 << 20

// ErrInUse is the error of [Open] when another program has the file open.
var ErrInUse = errors.New("another agent uses this state file: stop it, or give this agent another folder")

// Corrupt is the error of [Open] and [State.Load] for a file that is damaged,
// or that no agent wrote.
type Corrupt struct {
	Path string
	Why  string
}

func (e *Corrupt) Error() string {
	return fmt.Sprintf("the agent's state file %s is damaged (%s): restore it from a backup, or move it away to start with an empty state; the server then sends every order again that it does not know as begun", e.Path, e.Why)
}

// State is an open file.
type State struct {
	db   *bbolt.DB
	path string
}

var _ runner.State = (*State)(nil)

var (
	bucket   = []byte("agent")
	stateKey = []byte("state")
	endedKey = []byte("ended")
)

// Open opens the file, and makes it if it is missing. The error is ErrInUse, a
// *Corrupt, or an error of the file system.
func Open(path string) (s *State, err error) {
	defer func() {
		// bbolt checks its headers, but not what they point at.
		if r := recover(); r != nil {
			s, err = nil, &Corrupt{path, fmt.Sprint(r)}
		}
	}()
	var db *bbolt.DB
	if err = whole(path); err == nil {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	}
	_, corrupt := errors.AsType[*Corrupt](err)
	_, system := errors.AsType[syscall.Errno](err)
	switch {
	case corrupt:
		return nil, err
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	case system:
		return nil, fmt.Errorf("the agent's state file cannot be opened: %w", err)
	case err != nil: // it is about what the file contains
		return nil, &Corrupt{path, err.Error()}
	}
	s = &State{db: db, path: path}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("the agent's state file cannot be made private: %w", err), db.Close())
	}
	if _, _, err := s.Load(context.Background()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// whole returns a *Corrupt for a file that is shorter than its own header says.
// bbolt maps the file into memory, where reading a missing page would end the
// process; to open it for reading only, it reads no page but the headers.
func whole(path string) error {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return nil // a new file, or Open says what is wrong
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(path)
		if err == nil && info.Size() < tx.Size() {
			err = &Corrupt{path, fmt.Sprintf("it is cut off: it should have %d bytes, and has %d", tx.Size(), info.Size())}
		}
		return err
	})
}

// Load returns what was committed last, or nil if nothing was. It returns a
// *Corrupt if the file holds something else.
func (s *State) Load(ctx context.Context) (state, ended []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			state, ended, err = nil, nil, &Corrupt{s.path, fmt.Sprint(r)}
		}
	}()
	err = s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		if b == nil && tx.ID() <= freshID {
			return nil
		}
		if b == nil || b.Get(stateKey) == nil {
			return &Corrupt{s.path, "the record is missing"}
		}
		v := b.Get(stateKey)
		if len(v) < sha256.Size {
			return &Corrupt{s.path, "the record is cut off"}
		}
		list := b.Get(endedKey)
		if !bytes.Equal(checksum(tx, v[sha256.Size:], list), v[:sha256.Size]) {
			return &Corrupt{s.path, "the record does not match its checksum"}
		}
		state, ended = bytes.Clone(v[sha256.Size:]), bytes.Clone(list)
		return nil
	})
	return state, ended, err
}

// Commit replaces the state and, unless it is nil, the list of orders that
// ended. It is durable when Commit returns.
func (s *State) Commit(ctx context.Context, state, ended []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(state)+len(ended) > maxState {
		return fmt.Errorf("the agent's state has %d bytes, and the most is %d: it was not saved", len(state)+len(ended), maxState)
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		if ended == nil {
			ended = bytes.Clone(b.Get(endedKey))
		} else if err := b.Put(endedKey, ended); err != nil {
			return err
		}
		return b.Put(stateKey, append(checksum(tx, state, ended), state...))
	})
}

// freshID is the transaction of a file without a commit. Each commit is one
// transaction and writes the record again.
const freshID = 1

// checksum covers both records and the transaction that committed them. In a
// copy that was made while the agent ran, the headers of one commit may lead to
// the record of another.
func checksum(tx *bbolt.Tx, state, ended []byte) []byte {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, []int64{int64(tx.ID()), int64(len(state))}) // a hash takes everything
	h.Write(state)
	h.Write(ended)
	return h.Sum(nil)
}

// Close unlocks the file.
func (s *State) Close() error { return s.db.Close() }
