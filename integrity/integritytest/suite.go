// Package integritytest holds the conformance suite for
// [integrity.SignatureVerifier]. Every adapter runs it, in this module and
// elsewhere:
//
//	func TestConformance(t *testing.T) {
//		integritytest.Run(t, integritytest.Fixture{Verifier: v, Signer: "Vendor", Signed: …, Unsigned: …, Stranger: …, Bad: …})
//	}
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

// File is a file and its signature file; nil: there is none.
type File struct {
	Content  []byte
	Detached []byte
}

// Fixture is a verifier with files that it must judge. The suite does not
// change them.
type Fixture struct {
	Verifier integrity.SignatureVerifier
	Signer   string          // the signer's name in the answer for Signed
	Signed   File            // validly signed by a key the verifier trusts
	Unsigned File            // carries no signature; Detached must be nil
	Stranger File            // signed by a key the verifier does not trust
	Nameless bool            // a signature does not name its key, so a stranger's looks like a changed one
	Bad      map[string]File // more files whose signature does not hold, by what is wrong with them
}

// hugeDetached is the size of the largest signature file in the suite, in
// bytes.
const hugeDetached = 16 << 20

// Run tests the verifier against the promises of the port. With a detached
// signature, every change of content or signature must be noticed. Where the
// format embeds the signature, some changes may leave it valid; Bad has files
// that must not be.
func Run(t *testing.T, f Fixture) {
	detached := f.Signed.Detached != nil
	if f.Verifier == nil || f.Signer == "" || len(f.Signed.Content) == 0 || len(f.Stranger.Content) == 0 || f.Unsigned.Detached != nil {
		t.Fatal("the fixture lacks a verifier, a signer's name or files, or its unsigned file has a signature file")
	}
	t.Run("valid", f.testValid)
	t.Run("absent", func(t *testing.T) {
		files := []File{f.Unsigned}
		if detached {
			files = append(files, File{Content: f.Signed.Content})
		}
		for _, file := range files {
			if got := f.judge(t, file); got.Status != integrity.Absent {
				t.Errorf("got %+v; want it absent", got)
			}
		}
	})
	t.Run("stranger", func(t *testing.T) {
		got := f.judge(t, f.Stranger)
		if got.Status != integrity.Bad || got.Untrusted == f.Nameless {
			t.Errorf("got %+v; want it bad, and untrusted unless signatures are nameless", got)
		}
	})
	t.Run("bad", func(t *testing.T) {
		for name, file := range f.Bad {
			t.Run(name, func(t *testing.T) { f.refuses(t, "as it is", file) })
		}
	})
	t.Run("changed content", f.testChangedContent)
	if detached {
		t.Run("changed signature", f.testChangedSignature)
		t.Run("reads only what it was given", func(t *testing.T) {
			longer := append(bytes.Clone(f.Signed.Content), "and more"...)
			if got := f.answer(t, bytes.NewReader(longer), int64(len(f.Signed.Content)), f.Signed.Detached); got.Status != integrity.Valid {
				t.Errorf("bytes beyond the size were judged: %+v", got)
			}
		})
	}
	t.Run("unreadable", f.testUnreadable)
	t.Run("concurrent use", f.testConcurrent)
}

func (f Fixture) testValid(t *testing.T) {
	got := f.judge(t, f.Signed)
	if got.Status != integrity.Valid || got.Signer != f.Signer {
		t.Fatalf("got %+v; want it valid by %q", got, f.Signer)
	}
	if again := f.judge(t, f.Signed); again != got {
		t.Fatalf("the second answer %+v differs from the first %+v", again, got)
	}
	content, sig := bytes.Clone(f.Signed.Content), bytes.Clone(f.Signed.Detached)
	f.Verifier.Verify(bytes.NewReader(content), int64(len(content)), sig)
	if !bytes.Equal(content, f.Signed.Content) || !bytes.Equal(sig, f.Signed.Detached) {
		t.Fatal("the verifier changed its input")
	}
}

func (f Fixture) testChangedContent(t *testing.T) {
	check := func(name string, content []byte) {
		if file := (File{content, f.Signed.Detached}); file.Detached == nil {
			f.judge(t, file)
		} else {
			f.refuses(t, name, file)
		}
	}
	content := f.Signed.Content
	for _, i := range spread(len(content)) {
		changed := bytes.Clone(content)
		changed[i] ^= 0x40
		check(fmt.Sprintf("byte %d changed", i), changed)
		check(fmt.Sprintf("cut to %d bytes", i), content[:i])
	}
	check("a byte added", append(bytes.Clone(content), 0))
}

func (f Fixture) testChangedSignature(t *testing.T) {
	sig := f.Signed.Detached
	for _, i := range spread(len(bytes.TrimSpace(sig))) { // a line's end may go missing and change nothing
		f.refuses(t, fmt.Sprintf("cut to %d bytes", i), File{f.Signed.Content, sig[:i:i]})
		for _, bit := range []byte{1, 0x40} {
			changed := bytes.Clone(sig)
			changed[i] ^= bit
			// Text forms have bits that mean nothing, so this may stay valid; but it never
			// becomes absent.
			if got := f.judge(t, File{f.Signed.Content, changed}); got.Status == integrity.Absent {
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
		f.refuses(t, name, File{f.Signed.Content, junk})
	}
}

// testUnreadable: content that cannot be read is neither valid nor absent.
func (f Fixture) testUnreadable(t *testing.T) {
	content := f.Signed.Content
	size := int64(len(content))
	for name, file := range map[string]struct {
		at   io.ReaderAt
		size int64
	}{
		"error at once":       {failing{content, 0}, size},
		"error half-way":      {failing{content, len(content) / 2}, size},
		"ends before end":     {bytes.NewReader(content[:size-1]), size},
		"empty":               {bytes.NewReader(nil), size},
		"negative size":       {bytes.NewReader(content), -1},
		"size beyond the end": {bytes.NewReader(content), size + 10},
	} {
		if got := f.answer(t, file.at, file.size, f.Signed.Detached); got.Status == integrity.Valid || got.Status == integrity.Absent {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func (f Fixture) testConcurrent(t *testing.T) {
	files := [2]File{f.Signed, f.Stranger}
	want := [2]integrity.Signature{f.judge(t, f.Signed), f.judge(t, f.Stranger)}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 8 {
				if got := f.judge(t, files[i%2]); got != want[i%2] {
					t.Errorf("got %+v; alone it was %+v", got, want[i%2])
				}
			}
		})
	}
	wg.Wait()
}

// refuses requires Bad or Unsupported, which both fail the file (INT-1, INT-9).
// A changed file is not just untrusted.
func (f Fixture) refuses(t *testing.T, name string, file File) {
	t.Helper()
	if got := f.judge(t, file); got.Status != integrity.Bad && got.Status != integrity.Unsupported || got.Untrusted {
		t.Errorf("%s: got %+v; want it bad or unsupported, and not untrusted", name, got)
	}
}

func (f Fixture) judge(t *testing.T, file File) integrity.Signature {
	t.Helper()
	return f.answer(t, bytes.NewReader(file.Content), int64(len(file.Content)), file.Detached)
}

// answer asks the verifier and checks what every answer must meet.
func (f Fixture) answer(t *testing.T, at io.ReaderAt, size int64, detached []byte) (s integrity.Signature) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("the verifier panicked: %v", p)
		}
	}()
	s = f.Verifier.Verify(at, size, detached)
	_, err := s.Status.MarshalText()
	kept := integrity.Judge(integrity.Expectation{}, s, nil).Signature.Format
	valid := s.Status == integrity.Valid
	for what, wrong := range map[string]bool{
		"is not one of the four answers (INT-9)":          err != nil || s.Status == 0,
		"does not name the signer":                        valid && s.Signer == "",
		"names no format, or one that is not well formed": valid && kept == "",
		"names a signer or a time without being valid":    !valid && (s.Signer != "" || !s.SignedAt.IsZero()),
		"is untrusted without being bad":                  s.Untrusted && s.Status != integrity.Bad,
		"does not say why":                                (s.Status == integrity.Bad || s.Status == integrity.Unsupported) && s.Detail == "",
		"has a time that is not UTC":                      !s.SignedAt.IsZero() && s.SignedAt.Location() != time.UTC,
		"is not UTF-8":                                    !utf8.ValidString(s.Detail) || !utf8.ValidString(s.Signer),
	} {
		if wrong {
			t.Errorf("%+v %s", s, what)
		}
	}
	return s
}

// failing returns an error for every byte from the limit on.
type failing struct {
	content []byte
	limit   int
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(f.content[:f.limit]).ReadAt(p, off)
	if err != nil {
		err = errors.New("the disk fails")
	}
	return n, err
}

// spread picks at most 40 places from 0 to n-1, the ends always.
func spread(n int) (places []int) {
	most := min(n, 40)
	for i := range most {
		places = append(places, i*(n-1)/max(1, most-1))
	}
	return places
}
