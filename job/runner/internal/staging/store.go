package staging

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Key names staged files: of one patch of an order, or of the whole order if
// Index is -1. The zero Key names nothing.
type Key struct {
	Order job.OrderID
	Index int
}

// Covers reports whether other is k or a part of it.
func (k Key) Covers(other Key) bool {
	return k.Order != "" && k.Order == other.Order && (k.Index < 0 || k.Index == other.Index)
}

// Failure is what went wrong with one patch.
type Failure struct {
	Code job.Code
	Text string
}

// Config is the settings of a store. All are required except Pace and Local.
type Config struct {
	HTTP     *http.Client
	Verifier integrity.SignatureVerifier
	Stall    time.Duration // how long a connection may bring nothing before it is cut
	Tries    int           // tries without progress
	Pace     Pace          // how slow a source may be (INT-11); zero: the defaults
	Local    string        // folder below which file URLs are read; empty: none are (INT-11)
}

// Store is a folder of staged files. Fetch and Discard of the same Key must not
// run at the same time.
type Store struct {
	root *os.Root
	dir  string
	cfg  Config
	http *http.Client
}

// Open makes the folder if it is missing, takes all rights on it from others,
// and opens it once: the store uses this folder whatever happens to the path
// later. It refuses a folder that is a link, that somebody else owns, or that
// others could replace (INT-6). It deletes everything in the folder that is not
// private to the agent.
func Open(dir string, cfg Config) (*Store, error) {
	root, err := openPrivate(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder for staged files cannot be used: %w", err)
	}
	cfg.Pace = cfg.Pace.withDefaults()
	s := &Store{root: root, dir: dir, cfg: cfg, http: client(cfg.HTTP)}
	if err := s.sweep(); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("the folder for staged files cannot be used: files in %s that are not private to the agent could not be deleted: %w", dir, err)
	}
	return s, nil
}

func openPrivate(dir string) (*os.Root, error) {
	// Abs removes "..", which the system would resolve after links: the path
	// that is checked must be the path that is used.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	// Before, so that nothing is made where others could replace it. After,
	// because they could replace it until it was made.
	if err := owned.CheckPath(filepath.Dir(dir), true); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := owned.CheckPath(filepath.Dir(dir), true); err != nil {
		return nil, err
	}
	named, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !named.IsDir() {
		return nil, fmt.Errorf("%s is a link or a file: name a folder that belongs to the agent", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(named, opened) {
		err = fmt.Errorf("%s was replaced while it was opened", dir)
	}
	if err == nil {
		if err = ownedByUs(opened); err != nil {
			err = fmt.Errorf("%s %w: name a folder that belongs to the agent", dir, err)
		}
	}
	if err == nil {
		err = root.Chmod(".", 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// sweep deletes what others own, may use or can reach, as there may be in a
// folder that was open to them. If one file of an order is such a file, the
// whole order is deleted and fetched again.
func (s *Store) sweep() error {
	return s.remove(".", func(name string) bool {
		return nil != fs.WalkDir(s.root.FS(), name, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if !info.IsDir() && !info.Mode().IsRegular() {
				return errors.New("neither a file nor a folder")
			}
			return private(info)
		})
	})
}

// Close closes the folder. Open files stay open.
func (s *Store) Close() error { return s.root.Close() }

// Discard deletes what is staged under k. Nothing staged is not an error.
func (s *Store) Discard(k Key) error {
	folder := orderFolder(k.Order)
	if k.Index < 0 {
		return s.root.RemoveAll(folder)
	}
	return s.remove(folder, func(name string) bool { return strings.HasPrefix(name, strconv.Itoa(k.Index)+"-") })
}

// Keep deletes what is staged for all other orders.
func (s *Store) Keep(orders []job.OrderID) error {
	return s.remove(".", func(name string) bool {
		return !slices.ContainsFunc(orders, func(o job.OrderID) bool { return orderFolder(o) == name })
	})
}

// remove deletes what is unwanted in a folder. A missing folder is not an
// error.
func (s *Store) remove(folder string, unwanted func(name string) bool) error {
	names, err := fs.ReadDir(s.root.FS(), folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var errs []error
	for _, n := range names {
		if unwanted(n.Name()) {
			errs = append(errs, s.root.RemoveAll(path.Join(folder, n.Name())))
		}
	}
	return errors.Join(errs...)
}

// Open opens the files of one verified patch. It computes their digests again
// on the returned descriptors and compares them with the verified ones (INT-6).
// The caller closes the files.
func (s *Store) Open(k Key, staged execution.Staged) ([]*os.File, *Failure) {
	if len(staged.Digests) != len(staged.Patch.Files) {
		return nil, &Failure{Code: job.UnspecifiedAgentError, Text: fmt.Sprintf("the patch has %d files and %d digests, which cannot be compared", len(staged.Patch.Files), len(staged.Digests))}
	}
	folder := patchFolder(k, staged.Patch)
	var files []*os.File
	fail := func(code job.Code, text string) ([]*os.File, *Failure) {
		for _, f := range files {
			_ = f.Close()
		}
		return nil, &Failure{Code: code, Text: text}
	}
	for i, want := range staged.Digests {
		name := staged.Patch.Files[i].Name
		f, err := s.reopen(fileBase(folder, i)+complete, os.O_RDONLY)
		if err != nil {
			return fail(job.FileValidationFailed, fmt.Sprintf("the staged file of %s can no longer be opened, so it is not installed: %v", name, err))
		}
		files = append(files, f)
		d := integrity.NewDigester(want.Algorithm)
		if _, err := digest(d, f, whole); err != nil {
			return fail(job.FileValidationFailed, fmt.Sprintf("the staged file of %s can no longer be read, so it is not installed: %v", name, err))
		}
		if got := d.Sums(); len(got) != 1 || got[0] != want {
			return fail(job.FileHashValidationFailed, fmt.Sprintf("the staged file of %s was changed after it was verified, so it is not installed (INT-6)", name))
		}
	}
	return files, nil
}

// Endings of the files of a patch's folder.
const (
	partial  = ".part"
	complete = ".file"
	metaFile = ".meta"
)

func orderFolder(o job.OrderID) string { return hash([]byte(o)) }

func patchFolder(k Key, p job.OrderPatch) string {
	b, err := json.Marshal(p)
	if err != nil { // cannot happen with an order that came as JSON
		b = []byte(p.Patch)
	}
	return path.Join(orderFolder(k.Order), strconv.Itoa(k.Index)+"-"+hash(b))
}

func fileBase(folder string, i int) string { return path.Join(folder, strconv.Itoa(i)) }

// hash shortens a name to a file name. 128 bits are enough against chance, and
// against malice by the author of a signed order.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
