package inroot

import (
	"context"
	"io"
)

// buffer is how many bytes are read at a time.
const buffer = 256 << 10

// OpenContext opens a regular file for reading and returns its size. Open,
// reads and close return when ctx ends, even if the system never answers, as on
// a network mount that is gone.
func OpenContext(ctx context.Context, root, name string) (io.ReadCloser, int64, error) {
	type opened struct {
		file io.ReadCloser
		size int64
	}
	o, err := await(ctx, func() (opened, error) {
		f, err := Open(root, name)
		if err != nil {
			return opened{}, err
		}
		info, err := f.Stat()
		if err != nil {
			_ = f.Close()
			return opened{}, err
		}
		return opened{f, info.Size()}, nil
	}, func(o opened) { _ = o.file.Close() })
	if err != nil {
		return nil, 0, err
	}
	return &until{ctx: ctx, file: o.file}, o.size, nil
}

// until reads a file until its context ends, even if a read never returns.
type until struct {
	ctx  context.Context
	file io.ReadCloser
	buf  []byte // private: a read that was given up may still write to it
}

func (b *until) Read(p []byte) (int, error) {
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

// Close closes the file, or gives up when ctx ends.
func (b *until) Close() error {
	_, err := await(b.ctx, func() (struct{}, error) { return struct{}{}, b.file.Close() }, nil)
	return err
}

// await returns the result of f, or ctx's error: then f continues alone, and
// undo gets its result.
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
