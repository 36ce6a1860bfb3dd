package deb822

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Error is about a paragraph that breaks the grammar or a bound. The Reader can
// continue after it.
type Error struct {
	Line    int    // from 1
	Problem string // what is wrong
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// Reader reads paragraphs one at a time.
type Reader struct {
	in   *bufio.Reader
	line int    // lines read
	buf  []byte // the lines of the paragraph, each with "\n", without comments
	at   []int  // number of each line of buf
	long []byte // a line longer than in's buffer
	err  error  // final

	field []byte // see Only
	only  func(value string) bool
}

// NewReader returns a reader of r, which it buffers.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 64<<10)}
}

// Only makes the reader skip paragraphs in which the field has an unwanted
// value. Skipping costs a tenth of reading. Call it before the first Next.
func (r *Reader) Only(field string, wanted func(value string) bool) {
	r.field, r.only = []byte(field+":"), wanted
}

// passed reports whether Only skips the paragraph in the buffer.
func (r *Reader) passed() bool {
	if r.only == nil {
		return false
	}
	for rest := r.buf; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if len(rest) >= len(r.field) && bytes.EqualFold(rest[:len(r.field)], r.field) {
			return !r.only(string(bytes.Trim(rest[len(r.field):end], " \t")))
		}
		rest = rest[end+1:]
	}
	return false
}

// Next returns the next paragraph, and io.EOF at the end. An *Error is about
// one paragraph, and the next call returns the one after it. Any other error is
// the underlying reader's and final.
func (r *Reader) Next() (Paragraph, error) {
	tooLong, err := r.collect()
	for err == nil && tooLong == nil && r.passed() {
		tooLong, err = r.collect()
	}
	if err != nil {
		return Paragraph{}, err
	}
	if tooLong != nil {
		return Paragraph{}, tooLong
	}
	return parse(string(r.buf), r.at)
}

// All yields what Next returns, until the end or an error that is final.
func (r *Reader) All() iter.Seq2[Paragraph, error] {
	return func(yield func(Paragraph, error) bool) {
		for {
			p, err := r.Next()
			if errors.Is(err, io.EOF) || !yield(p, err) || r.err != nil && err != nil {
				return
			}
		}
	}
}

func (r *Reader) collect() (tooLong *Error, err error) {
	r.buf, r.at = r.buf[:0], r.at[:0]
	if r.err != nil {
		return nil, r.err
	}
	begun := false
	for {
		line, more, err := r.readLine()
		switch {
		case len(line) == 0 && !more && err != nil:
			r.err = err
			if begun && errors.Is(err, io.EOF) {
				return tooLong, nil
			}
			return nil, err
		case err != nil && !errors.Is(err, io.EOF):
			r.err = err
			return nil, err
		}
		text := bytes.TrimRight(line, " \t\r\n")
		switch {
		case len(text) == 0 && !more && !begun, line[0] == '#':
			continue
		case len(text) == 0 && !more && (line[0] == ' ' || line[0] == '\t'):
			text = line[:1] // an empty line of the value
		case len(text) == 0 && !more:
			return tooLong, nil
		}
		begun = true
		switch {
		case tooLong != nil:
		case more || len(r.buf)+len(line) > MaxParagraph:
			tooLong = &Error{r.line, fmt.Sprintf("the paragraph is longer than %d bytes", MaxParagraph)}
			r.buf, r.at = r.buf[:0], r.at[:0]
		default:
			r.buf = append(append(r.buf, text...), '\n')
			r.at = append(r.at, r.line)
		}
	}
}

// readLine returns the next line with its end. More means that it is longer
// than MaxParagraph: only its beginning is returned, and the rest is skipped.
// An error may come with the last line.
func (r *Reader) readLine() (line []byte, more bool, err error) {
	line, err = r.in.ReadSlice('\n')
	r.line++
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, false, err
	}
	r.long = append(r.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.in.ReadSlice('\n')
		if len(r.long)+len(line) > MaxParagraph {
			more = true
		} else {
			r.long = append(r.long, line...)
		}
	}
	return r.long, more, err
}
