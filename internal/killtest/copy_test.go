package killtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
)

// copying copies the files of the running programs at random moments, and opens
// the copies.
func (w *world) copying(ctx context.Context, rnd *rand.Rand, most int) {
	for i := range most {
		if !pause(ctx, rnd, 200*time.Millisecond) {
			return
		}
		dir := filepath.Join(w.dir, fmt.Sprint("copy-", i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			w.broke("a copy: %v", err)
			return
		}
		slow := time.Duration(rnd.IntN(3)) * 50 * time.Microsecond // a page
		if i%2 == 0 {
			w.copyAgent(dir, slow)
		} else {
			w.copyServer(dir, slow)
		}
	}
}

// copyFile copies page by page, like a program that knows nothing of databases.
// A missing file gives no copy.
func copyFile(to, from string, slow time.Duration) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	page := make([]byte, 4096)
	for err == nil {
		var n int
		if n, err = in.Read(page); err == nil {
			_, err = out.Write(page[:n])
		}
		if slow > 0 {
			time.Sleep(slow)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, out.Close())
}

// copyAgent copies the agent's file. The copy is refused as corrupt, or it is
// no older than what was committed before the copy began.
func (w *world) copyAgent(dir string, slow time.Duration) {
	marks, err := readJSON[mark](commitsFile(w.dir))
	if err != nil {
		w.broke("a copy of the agent's file: %v", err)
		return
	}
	var before mark
	for _, m := range marks {
		if m.What == committed {
			before = m
		}
	}
	path := filepath.Join(dir, "state.db")
	if err := copyFile(path, home.Home(w.dir).StateFile(), slow); err != nil {
		w.broke("a copy of the agent's file: %v", err)
		return
	}
	b, err := loadBytes(path)
	if _, torn := errors.AsType[*boltstate.Corrupt](err); torn {
		w.count("agent copies refused")
		return
	}
	if err != nil {
		w.broke("a copy of the agent's file is refused with %T: %v", err, err)
		return
	}
	if b == nil {
		if before.What != "" {
			w.broke("a copy of the agent's file opens as a new one, after %+v", before)
		}
		w.count("agent copies before the first commit")
		return
	}
	s, err := loadAgent(path)
	switch {
	case err != nil:
		w.broke("a copy of the agent's file: %v", err)
	case s.Sequence < before.Sequence || s.Revision < before.Revision:
		w.broke("a copy of the agent's file has report %d and revision %d, after %+v", s.Sequence, s.Revision, before)
	}
	w.count("agent copies opened")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.copied = append(w.copied, sum(b))
}

// copyServer copies the server's files. Unless SQLite restarted the log
// meanwhile, the copy has everything that was acknowledged to the administrator
// and the agent.
func (w *world) copyServer(dir string, slow time.Duration) {
	calls, err := readJSON[call](callsFile(w.dir))
	if err != nil {
		w.broke("a copy of the server's files: %v", err)
		return
	}
	heard := job.Sequence(0)
	for _, c := range calls {
		heard = max(heard, c.Acknowledged)
	}
	w.mu.Lock()
	runs := maps.Clone(w.runs)
	w.mu.Unlock()
	db := serverFiles(w.dir).DB
	path := filepath.Join(dir, "server.db")
	before := generation(db)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := copyFile(path+suffix, db+suffix, slow); err != nil {
			w.broke("a copy of the server's files: %v", err)
			return
		}
	}
	whole := before == generation(db)
	err = w.reopen(path, runs, heard)
	switch {
	case !whole: // it may be a mixture: it must only not crash
		w.count("server copies over a checkpoint")
	case err != nil:
		w.broke("a copy of the server's files: %v", err)
	default:
		w.count("server copies opened")
	}
}

// generation returns the beginning of a database's log. It changes when the log
// restarts after a checkpoint.
func generation(db string) string {
	f, err := os.Open(db + "-wal")
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 32)
	n, _ := io.ReadFull(f, head) // a new log has less
	return string(head[:n])
}

// reopen opens a copy of a server's database and looks for what was
// acknowledged.
func (w *world) reopen(path string, runs map[job.ID]job.RunID, heard job.Sequence) (err error) {
	ctl, store, err := openServer(serverFiles(w.dir), path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ctx := context.Background()
	for id, run := range runs {
		if _, err := ctl.Run(ctx, run); err != nil {
			return fmt.Errorf("job %s: %w", id, err)
		}
		if _, err := ctl.RunAssets(ctx, run, "", controller.MaxPage); err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
	}
	status, err := ctl.Asset(ctx, asset, time.Now())
	if err != nil {
		return err
	}
	n, err := acknowledged(ctl, status.Newest)
	if err == nil && n < heard {
		err = fmt.Errorf("it has accepted %d reports, and %d had been acknowledged", n, heard)
	}
	return err
}

// pause waits for a random time, and reports whether the world still runs.
func pause(ctx context.Context, rnd *rand.Rand, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(rnd.Int64N(int64(most)))):
		return true
	}
}
