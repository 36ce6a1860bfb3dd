package deb822

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// write is the inverse of reading, obvious and slow.
func write(paragraphs []Paragraph) string {
	var b strings.Builder
	for _, p := range paragraphs {
		for _, f := range p.Fields {
			b.WriteString(f.Name + ": " + strings.ReplaceAll(f.Value, "\n", "\n ") + "\n")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Whatever is read can be written and read again as the same.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"", "A: b\n", "A: b\n c\n .\n\nD: e", "A: b\n#c\n d\n", "A\n\nB: c\n", " x\nA: b\n", "A: b\r\n\r\nC: d", "A: 1\nA: 2\n\nB:\n",
		"Package: a\nDescription: x\n y\n \n z\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var paragraphs []Paragraph
		r := NewReader(strings.NewReader(in))
		for {
			p, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				var broken *Error
				require.ErrorAs(t, err, &broken)
				require.Positive(t, broken.Line)
				continue
			}
			require.NotEmpty(t, p.Fields)
			paragraphs = append(paragraphs, p)
		}
		again, bad := readAll(t, strings.NewReader(write(paragraphs)))
		require.Empty(t, bad)
		require.Equal(t, write(paragraphs), write(again))
	})
}
