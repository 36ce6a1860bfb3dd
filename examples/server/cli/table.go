package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// long is a cell whose text is cut to shortText characters, unless --full is
// given.
type long string

const shortText = 60

func (r *remote) table(cmd *cobra.Command, head string, rows [][]any) error {
	return table(cmd.OutOrStdout(), r.full, head, rows)
}

// table prints rows below a head. An empty head prints none.
func table(w io.Writer, full bool, head string, rows [][]any) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if head != "" {
		_, _ = fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	}
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(texts(full, row), "\t"))
	}
	return t.Flush()
}

func texts(full bool, cells []any) (list []string) {
	for _, cell := range cells {
		text := show(cell)
		if _, is := cell.(long); is && !full {
			text = short(text)
		}
		list = append(list, text)
	}
	return list
}

// short cuts a text at the end of a word.
func short(s string) string {
	if utf8.RuneCountInString(s) <= shortText {
		return s
	}
	s = string([]rune(s)[:shortText-1])
	if i := strings.LastIndexByte(s, ' '); i > shortText/2 {
		s = s[:i]
	}
	return s + "…"
}

// show prints a cell in one line: an instant in UTC to the second, nothing as a
// dash, what cannot be printed escaped.
func show(cell any) string {
	var s string
	switch v := cell.(type) {
	case time.Time:
		if v.IsZero() {
			return "-"
		}
		return v.UTC().Format("2006-01-02T15:04:05Z")
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []string:
		s = strings.Join(v, ",")
	default:
		s = fmt.Sprint(v)
	}
	s = problem.Printable(strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(s))
	if s == "" || strings.HasSuffix(s, "(0)") { // an enum that is not set
		return "-"
	}
	return s
}

func notes(pairs ...any) string { return strings.Join(holding(pairs...), ", ") }

// holding returns what is worth saying, of pairs: a text and whether it holds, or
// a format and its number, which is written unless it is zero.
func holding(pairs ...any) (list []string) {
	for i := 0; i < len(pairs); i += 2 {
		text := pairs[i].(string)
		switch v := pairs[i+1].(type) {
		case bool:
			if v {
				list = append(list, text)
			}
		case int:
			if v != 0 {
				list = append(list, fmt.Sprintf(text, v))
			}
		}
	}
	return list
}
