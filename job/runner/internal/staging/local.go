package staging

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// LocalError says that an order names a file of this computer that it may not (INT-11): whoever makes orders would have the
// agent read, with all its rights, what is not theirs.
type LocalError struct {
	Path   string
	Folder string // below which such files may be; empty: nowhere
}

func (e *LocalError) Error() string {
	if e.Folder == "" {
		return fmt.Sprintf("%s is a file of this computer, and this agent fetches none (INT-11): serve it over http or https, or let the agent have a folder for such files", e.Path)
	}
	return fmt.Sprintf("%s is not in %s, the folder of this computer that this agent fetches from (INT-11)", e.Path, e.Folder)
}

// openLocal opens the file of a file URL, from the beginning.
func openLocal(ctx context.Context, folder string, a address) (response, *trouble) {
	path := a.path()
	rel, err := filepath.Rel(folder, path)
	if folder == "" || err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return response{}, &trouble{err: &LocalError{path, folder}}
	}
	r, err := await(ctx, func() (response, error) {
		f, err := inroot.Open(folder, rel)
		if err != nil {
			return response{}, err
		}
		info, err := f.Stat()
		if err != nil {
			_ = f.Close()
			return response{}, err
		}
		return response{body: f, total: info.Size()}, nil
	}, func(r response) { _ = r.body.Close() })
	if err != nil {
		return response{}, &trouble{err: err}
	}
	r.body = &localBody{ctx: ctx, file: r.body}
	return r, nil
}

// localBody reads a file until its context ends, even where a read never returns, as on a mount that is gone.
type localBody struct {
	ctx  context.Context
	file io.ReadCloser
	buf  []byte // the reader's: a read that is given up may still write into it
}

func (b *localBody) Read(p []byte) (int, error) {
	if b.buf == nil {
		b.buf = make([]byte, buffer)
	}
	buf := b.buf[:min(len(p), len(b.buf))]
	n, err := await(b.ctx, func() (int, error) { return b.file.Read(buf) }, nil)
	if b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}
	return copy(p, buf[:n]), err
}

// Close closes the file when nothing reads it any more.
func (b *localBody) Close() error {
	_, err := await(b.ctx, func() (struct{}, error) { return struct{}{}, b.file.Close() }, nil)
	return err
}

// await returns what f does, or ctx's error: then f goes on alone, and undo takes what came of it.
func await[T any](ctx context.Context, f func() (T, error), undo func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.err == nil && undo != nil {
				undo(r.value)
			}
		}()
		var none T
		return none, context.Cause(ctx)
	}
}
