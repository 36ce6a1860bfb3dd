package deb822

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// readAll returns every paragraph and the line of every *Error; any other error
// fails the test.
func readAll(t testing.TB, in io.Reader) (paragraphs []Paragraph, bad []string) {
	t.Helper()
	r := NewReader(in)
	for {
		p, err := r.Next()
		var broken *Error
		switch {
		case errors.Is(err, io.EOF):
			_, again := r.Next()
			require.ErrorIs(t, again, io.EOF)
			return paragraphs, bad
		case errors.As(err, &broken):
			bad = append(bad, broken.Error())
		default:
			require.NoError(t, err)
			paragraphs = append(paragraphs, p)
		}
	}
}

func text(paragraphs []Paragraph) string {
	var b strings.Builder
	for _, p := range paragraphs {
		fmt.Fprintf(&b, "%d{", p.Line)
		for i, f := range p.Fields {
			if i > 0 {
				b.WriteString("|")
			}
			fmt.Fprintf(&b, "%d %s=%s", f.Line, f.Name, f.Value)
		}
		b.WriteString("}")
	}
	return b.String()
}

func TestNext(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"blank lines only", "\n \n\t\n", ""},
		{"comments only", "# a\n#b", ""},
		{"one field, no newline at the end", "A: b", "1{1 A=b}"},
		{"empty value", "A:\nB:  \n", "1{1 A=|2 B=}"},
		{"blanks around a value", "A: \t b c \t\n", "1{1 A=b c}"},
		{"colons in a value", "A: b:c: d\n", "1{1 A=b:c: d}"},
		{"carriage returns", "A: b\r\nC: d\r\n\r\nE: f\r\n", "1{1 A=b|2 C=d}4{4 E=f}"},
		{"continuation", "A: b\n c\n\t d\nE: f\n", "1{1 A=b\nc\n d|4 E=f}"},
		{"value on continuation lines alone", "A:\n b\n .\n c\n", "1{1 A=\nb\n.\nc}"},
		{"a blank line that is not empty goes on with the value", "A: b\n \n c\n\t\nD: e\n", "1{1 A=b\n\nc\n|5 D=e}"},
		{"many paragraphs, many blanks", "\n\nA: 1\n\n \t\n\nB: 2\n\n", "3{3 A=1}7{7 B=2}"},
		{"a comment inside", "A: b\n# no: field\n c\n#x\nD: e\n", "1{1 A=b\nc|5 D=e}"},
		{"a comment does not separate", "A: b\n#\nC: d\n", "1{1 A=b|3 C=d}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, bad := readAll(t, strings.NewReader(tt.in))
			require.Empty(t, bad)
			require.Equal(t, tt.want, text(got))
			got, _ = readAll(t, iotest.OneByteReader(strings.NewReader(tt.in)))
			require.Equal(t, tt.want, text(got), "the same however the bytes come")
		})
	}
}

// A bad record costs only itself (CAT-16).
func TestBadParagraphIsSkipped_CAT16(t *testing.T) {
	for _, tt := range []struct{ name, bad, want string }{
		{"no colon", "Package", `line 3: want "Name: value", not "Package"`},
		{"no name", ": x", `line 3: want "Name: value", not ": x"`},
		{"blank in a name", "A b: x", `line 3: want "Name: value", not "A b: x"`},
		{"name beginning with a dash", "-A: x", `line 3: want "Name: value", not "-A: x"`},
		{"name beyond ASCII", "Ä: x", `line 3: want "Name: value", not "Ä: x"`},
		{"continuation first", " x\nA: b", "line 3: a continuation line without a field above it"},
		{"twice", "A: b\nB: c\na: d", "line 5: the field a occurs twice in one paragraph"},
		{"a long bad line is clipped", strings.Repeat("x", 100), `line 3: want "Name: value", not "` + strings.Repeat("x", 57) + `…"`},
		{"too many fields", manyFields(MaxFields + 1), fmt.Sprintf("line %d: more than 512 fields in one paragraph", 3+MaxFields)},
		{"one line over the bound", "A: " + strings.Repeat("x", MaxParagraph), "line 3: the paragraph is longer than 4194304 bytes"},
		{"lines over the bound together", "A:" + strings.Repeat("\n "+strings.Repeat("x", 1<<20-3), 5), "line 8: the paragraph is longer than 4194304 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, bad := readAll(t, strings.NewReader("A: 1\n\n"+tt.bad+"\n\nB: 2\n"))
			require.Equal(t, []string{tt.want}, bad)
			require.Len(t, got, 2)
			require.Equal(t, "1", got[0].Get("A"))
			require.Equal(t, "2", got[1].Get("B"))
		})
	}
}

func TestParagraphAtTheBounds(t *testing.T) {
	_, bad := readAll(t, strings.NewReader(manyFields(MaxFields)))
	require.Empty(t, bad)
	got, bad := readAll(t, strings.NewReader("A: "+strings.Repeat("x", MaxParagraph-4)+"\n"))
	require.Empty(t, bad)
	require.Len(t, got[0].Get("A"), MaxParagraph-4)
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "F%d: x\n", i)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestReadErrorIsFinal(t *testing.T) {
	r := NewReader(io.MultiReader(strings.NewReader("A: 1\n\nB: 2\n"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	_, err := r.Next()
	require.NoError(t, err)
	for range 2 {
		_, err = r.Next()
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a paragraph that was cut off is never given as a whole one")
	}
}

func TestLookupIgnoresCase(t *testing.T) {
	got, _ := readAll(t, strings.NewReader("Signed-By: x\n"))
	f, ok := got[0].Lookup("signed-BY")
	require.True(t, ok)
	require.Equal(t, "Signed-By", f.Name)
	_, ok = got[0].Lookup("Signed")
	require.False(t, ok)
	require.Empty(t, got[0].Get("Signed"))
}

// dpkg itself is the oracle on the one big file every Debian machine has.
func TestReadsDpkgStatusAsDpkgDoes(t *testing.T) {
	const status = "/var/lib/dpkg/status"
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI has to have dpkg-query")
		t.Skip("SKIPPED ALOUD: no dpkg-query here: not a Debian machine, nothing to compare with")
	}
	want, err := exec.Command("dpkg-query", "--show", "--showformat=${Package} ${Version} ${Status}\n").Output()
	require.NoError(t, err)
	file, err := os.Open(status)
	require.NoError(t, err)
	defer file.Close()
	got, bad := readAll(t, file)
	require.Empty(t, bad)
	var lines []string
	for _, p := range got {
		lines = append(lines, p.Get("Package")+" "+p.Get("Version")+" "+p.Get("Status"))
	}
	require.ElementsMatch(t, strings.Split(strings.TrimSpace(string(want)), "\n"), lines)
}
