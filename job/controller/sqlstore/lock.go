package sqlstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/patchpolicy/patchpolicy/internal/owned"
)

// inUse is the error about a database that a process has open; zero: which is
// not known.
func inUse(path string, process int) error {
	who := "another process"
	if process > 0 {
		who = fmt.Sprintf("process %d", process)
	}
	return fmt.Errorf("the database %s is %w by %s: stop that one first, or name another database", path, ErrInUse, who)
}

// errLocked is what tryLock returns for a file that another process has locked.
var errLocked = errors.New("locked by another process")

// lock is held on a file beside the database, by the operating system: a
// process that is killed no longer holds it. It is not the engine's own lock,
// so that a backup can be made while a server runs. The file stays, and names
// the last server. The stores of one process share a lock.
type lock struct {
	file   *os.File
	path   string // of the database
	stores int
}

var (
	gate  sync.Mutex           // held while a store is opened or closed, and a database restored
	locks = map[string]*lock{} // that this process holds, by path
)

// take takes the lock, or returns an error. The gate is held.
func take(path string, share bool) (*lock, error) {
	if l := locks[path]; l != nil {
		if !share {
			return nil, inUse(path, os.Getpid())
		}
		l.stores++
		return l, nil
	}
	f, err := owned.Open(path+".lock", os.O_RDWR|os.O_CREATE, owned.State)
	if err != nil {
		return nil, err
	}
	l := &lock{f, path, 1}
	switch err := tryLock(f); {
	case errors.Is(err, errLocked):
		return nil, errors.Join(inUse(path, l.server()), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	locks[path] = l
	return l, nil
}

// server is the number of the last process that served the database; zero: none
// ever did, or it is not known.
func (l *lock) server() int {
	text, _ := io.ReadAll(io.NewSectionReader(l.file, 0, 32))
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// release gives the lock back if no other store of this process has it. The end
// of the process does so, too.
func (l *lock) release() error {
	if l.stores--; l.stores > 0 {
		return nil
	}
	delete(locks, l.path)
	return errors.Join(unlock(l.file), l.file.Close())
}
