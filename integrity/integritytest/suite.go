package integritytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// File is a file and its signature file, nil where there is none.
type File struct {
	Content  []byte
	Detached []byte
}

// Fixture is a verifier and files it must know how to judge. The suite changes none of them.
type Fixture struct {
	Verifier integrity.SignatureVerifier
	Signer   string          // whom the verifier names for Signed
	Signed   File            // validly signed by a key the verifier trusts
	Unsigned File            // carries no signature; Detached must be nil
	Stranger File            // signed by a key the verifier does not trust
	Bad      map[string]File // more files whose signature does not hold, by what is wrong with them
}

// hugeDetached is the size of the largest signature file the suite offers, in bytes.
const hugeDetached = 16 << 20

// Run tests the verifier against the port's promises. With a detached signature every change of content or signature
// must be noticed; for formats that embed it, what a change may leave valid is the format's matter, and the fixture
// says in Bad what it may not.
func Run(t *testing.T, f Fixture) {
	detached := f.Signed.Detached != nil
	t.Run("fixture", func(t *testing.T) {
		if f.Verifier == nil || f.Signer == "" || len(f.Signed.Content) == 0 || len(f.Stranger.Content) == 0 || f.Unsigned.Detached != nil {
			t.Fatal("the fixture lacks a verifier, a signer's name or files, or its unsigned file has a signature file")
		}
	})
	t.Run("valid", func(t *testing.T) { f.testValid(t) })
	t.Run("absent", func(t *testing.T) {
		wantStatus(t, f.Verifier, f.Unsigned, integrity.Absent)
		if detached {
			wantStatus(t, f.Verifier, File{Content: f.Signed.Content}, integrity.Absent)
		}
	})
	t.Run("stranger", func(t *testing.T) { wantRefused(t, f.Verifier, f.Stranger) })
	t.Run("bad", func(t *testing.T) {
		for name, file := range f.Bad {
			t.Run(name, func(t *testing.T) { wantRefused(t, f.Verifier, file) })
		}
	})
	t.Run("changed content", func(t *testing.T) { f.testChangedContent(t, detached) })
	if detached {
		t.Run("changed signature", func(t *testing.T) { f.testChangedSignature(t) })
	}
	t.Run("unreadable", func(t *testing.T) { f.testUnreadable(t) })
	t.Run("reads only what it was given", func(t *testing.T) { f.testSize(t, detached) })
	t.Run("concurrent use", func(t *testing.T) { f.testConcurrent(t) })
}

func (f Fixture) testValid(t *testing.T) {
	got := judge(t, f.Verifier, f.Signed)
	if got.Status != integrity.Valid || got.Signer != f.Signer {
		t.Fatalf("got %+v; want it valid by %q", got, f.Signer)
	}
	if again := judge(t, f.Verifier, f.Signed); again != got {
		t.Fatalf("the second answer %+v differs from the first %+v", again, got)
	}
	content, sig := bytes.Clone(f.Signed.Content), bytes.Clone(f.Signed.Detached)
	f.Verifier.Verify(bytes.NewReader(content), int64(len(content)), sig)
	if !bytes.Equal(content, f.Signed.Content) || !bytes.Equal(sig, f.Signed.Detached) {
		t.Fatal("the verifier changed its input")
	}
}

func (f Fixture) testChangedContent(t *testing.T, detached bool) {
	check := anyAnswer
	if detached {
		check = refused
	}
	content := f.Signed.Content
	for _, i := range spread(len(content)) {
		changed := bytes.Clone(content)
		changed[i] ^= 0x40
		check(t, fmt.Sprintf("byte %d changed", i), f.Verifier, File{changed, f.Signed.Detached})
		check(t, fmt.Sprintf("cut to %d bytes", i), f.Verifier, File{content[:i], f.Signed.Detached})
	}
	check(t, "a byte added", f.Verifier, File{append(bytes.Clone(content), 0), f.Signed.Detached})
}

func (f Fixture) testChangedSignature(t *testing.T) {
	sig := f.Signed.Detached
	for _, i := range spread(len(bytes.TrimSpace(sig))) { // a line's end may go missing and change nothing
		refused(t, fmt.Sprintf("cut to %d bytes", i), f.Verifier, File{f.Signed.Content, sig[:i:i]})
		for _, bit := range []byte{1, 0x40} {
			changed := bytes.Clone(sig)
			changed[i] ^= bit
			// Text forms have bits that mean nothing, so this may stay valid; but it never becomes absent.
			if got := anyAnswer(t, fmt.Sprintf("byte %d changed", i), f.Verifier, File{f.Signed.Content, changed}); got.Status == integrity.Absent {
				t.Errorf("byte %d of the signature changed: absent", i)
			}
		}
	}
	for name, junk := range map[string][]byte{
		"empty":     {},
		"a newline": []byte("\n"),
		"zeros":     make([]byte, len(sig)),
		"text":      []byte("this is no signature"),
		"huge":      bytes.Repeat([]byte{0xA5}, hugeDetached),
		"huge text": bytes.Repeat([]byte("QUJD"), hugeDetached/4),
		"nested":    bytes.Repeat([]byte("{\"a\":["), 1000),
	} {
		refused(t, name, f.Verifier, File{f.Signed.Content, junk})
	}
}

// testUnreadable: what cannot be read was not judged, so it is neither valid nor absent.
func (f Fixture) testUnreadable(t *testing.T) {
	for name, at := range map[string]io.ReaderAt{
		"error at once":   failing{f.Signed.Content, 0},
		"error half-way":  failing{f.Signed.Content, len(f.Signed.Content) / 2},
		"ends before end": bytes.NewReader(f.Signed.Content[:len(f.Signed.Content)-1]),
		"empty":           bytes.NewReader(nil),
	} {
		got := answer(t, f.Verifier, at, int64(len(f.Signed.Content)), f.Signed.Detached)
		if got.Status == integrity.Valid || got.Status == integrity.Absent {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, size := range map[string]int64{"negative size": -1, "size beyond the end": int64(len(f.Signed.Content)) + 10} {
		got := answer(t, f.Verifier, bytes.NewReader(f.Signed.Content), size, f.Signed.Detached)
		if got.Status == integrity.Valid || got.Status == integrity.Absent {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func (f Fixture) testSize(t *testing.T, detached bool) {
	if !detached {
		t.Log("the signature is embedded: nothing to show beyond changed content")
		return
	}
	longer := append(bytes.Clone(f.Signed.Content), "and more"...)
	got := answer(t, f.Verifier, bytes.NewReader(longer), int64(len(f.Signed.Content)), f.Signed.Detached)
	if got.Status != integrity.Valid {
		t.Errorf("bytes beyond the size were judged: %+v", got)
	}
}

func (f Fixture) testConcurrent(t *testing.T) {
	wantSigned, wantStranger := judge(t, f.Verifier, f.Signed), judge(t, f.Verifier, f.Stranger)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				if got := judge(t, f.Verifier, f.Signed); got != wantSigned {
					t.Errorf("got %+v; alone it was %+v", got, wantSigned)
				}
				if got := judge(t, f.Verifier, f.Stranger); got != wantStranger {
					t.Errorf("got %+v; alone it was %+v", got, wantStranger)
				}
			}
		})
	}
	wg.Wait()
}

func wantStatus(t *testing.T, v integrity.SignatureVerifier, f File, want integrity.Status) {
	t.Helper()
	if got := judge(t, v, f); got.Status != want {
		t.Errorf("got %+v; want it %s", got, want)
	}
}

func wantRefused(t *testing.T, v integrity.SignatureVerifier, f File) {
	t.Helper()
	refused(t, "as it is", v, f)
}

// refused wants Bad or Unsupported: both fail the file (INT-1, INT-9).
func refused(t *testing.T, name string, v integrity.SignatureVerifier, f File) integrity.Signature {
	t.Helper()
	got := judge(t, v, f)
	if got.Status != integrity.Bad && got.Status != integrity.Unsupported {
		t.Errorf("%s: got %+v; want it bad or unsupported", name, got)
	}
	return got
}

// anyAnswer wants only one of the four answers, and no panic.
func anyAnswer(t *testing.T, _ string, v integrity.SignatureVerifier, f File) integrity.Signature {
	t.Helper()
	return judge(t, v, f)
}

func judge(t *testing.T, v integrity.SignatureVerifier, f File) integrity.Signature {
	t.Helper()
	return answer(t, v, bytes.NewReader(f.Content), int64(len(f.Content)), f.Detached)
}

// answer asks the verifier and checks what every answer must keep.
func answer(t *testing.T, v integrity.SignatureVerifier, at io.ReaderAt, size int64, detached []byte) (s integrity.Signature) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("the verifier panicked: %v", p)
		}
	}()
	s = v.Verify(at, size, detached)
	if _, err := s.Status.MarshalText(); err != nil || s.Status == 0 {
		t.Errorf("%+v is none of the four answers (INT-9)", s)
	}
	if s.Status == integrity.Valid && s.Signer == "" {
		t.Errorf("%+v does not say by whom", s)
	}
	if s.Status != integrity.Valid && (s.Signer != "" || !s.SignedAt.IsZero()) {
		t.Errorf("%+v names a signer or a time without being valid", s)
	}
	if (s.Status == integrity.Bad || s.Status == integrity.Unsupported) && s.Detail == "" {
		t.Errorf("%+v does not say why", s)
	}
	if !s.SignedAt.IsZero() && s.SignedAt.Location() != time.UTC {
		t.Errorf("%+v: the time is not UTC", s)
	}
	if !utf8.ValidString(s.Detail) || !utf8.ValidString(s.Signer) {
		t.Errorf("%+v is not UTF-8", s)
	}
	return s
}

// failing returns an error for every byte from the limit on.
type failing struct {
	content []byte
	limit   int
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(f.limit) {
		return 0, errDisk
	}
	n := copy(p, f.content[off:f.limit])
	if n < len(p) {
		return n, errDisk
	}
	return n, nil
}

var errDisk = errors.New("the disk fails")

// spread picks at most 40 places from 0 to n-1, the ends always.
func spread(n int) []int {
	var places []int
	step := max(1, n/39)
	for i := 0; i < n; i += step {
		places = append(places, i)
	}
	if n > 0 && places[len(places)-1] != n-1 {
		places = append(places, n-1)
	}
	return places
}
