package agentsim

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// pattern is one way to write a line or a part of one, in the notation of
// [Language]. After two spaces, its text may go on with a note for readers.
type pattern[T any] struct {
	text string
	re   string // how it is read, where the notation is not enough
	do   func(of T, m *match)
}

// match holds the parts of a text that matched a pattern. A part that was left
// out is zero. N, D, TIME and HH:MM are parsed, unless the pattern has a
// regular expression of its own.
type match struct {
	p     *player
	text  string   // the whole text
	w     []string // one for each part in capitals, each a|b and each [ ] around words only
	n     []int
	d     []time.Duration
	at    []time.Time
	clock schedule.TimeOfDay
	err   error // why it cannot be done; errOther: try the next pattern
}

var errOther = errors.New("another pattern")

// grammar lists all patterns of a kind of text. The parser, the suggestions in
// errors and [Language] all come from this table.
type grammar[T any] struct {
	what   string // completes "this text is not …"
	prefix string // of every pattern
	list   []pattern[T]
	notes  []string
	res    []*regexp.Regexp
	kinds  [][]string
}

func newGrammar[T any](what, prefix string, list []pattern[T]) *grammar[T] {
	g := &grammar[T]{what: what, prefix: prefix, list: list}
	for i, one := range list {
		text, note, _ := strings.Cut(one.text, "  ")
		re, kinds := notation(text)
		if one.re != "" {
			re, kinds = one.re, nil
		}
		list[i].text, g.notes = text, append(g.notes, strings.TrimSpace(note))
		g.res, g.kinds = append(g.res, regexp.MustCompile("^(?:"+re+")$")), append(g.kinds, kinds)
	}
	return g
}

// parts finds what a pattern has besides plain words: optional words, a|b, and
// placeholders.
var parts = regexp.MustCompile(`\[[^\[\]A-Z]+\]|[^\s\[\]|]+(?:\|[^\s\[\]|]+)+|[A-Z]+(?:[:-][A-Z]+)*…?|.`)

// notation returns the regular expression of a pattern, and the placeholder of
// each of its groups.
func notation(text string) (re string, kinds []string) {
	for _, part := range parts.FindAllString(text, -1) {
		group := ""
		switch {
		case part == "[":
			re += "(?:"
		case part == "]":
			re += ")?"
		case part[0] == '[':
			group = "(" + regexp.QuoteMeta(strings.Trim(part, "[]")) + ")?"
		case strings.HasSuffix(part, "…"):
			group = "(.+?)"
		case part == "ZONE":
			group = "(each zone|[^ ]+)"
		case part != strings.ToLower(part):
			group = "([^ ]+?)"
		case strings.Contains(part, "|"):
			group = "(" + strings.ReplaceAll(regexp.QuoteMeta(part), `\|`, "|") + ")"
		default:
			re += regexp.QuoteMeta(part)
		}
		if group != "" {
			re, kinds = re+group, append(kinds, part)
		}
	}
	return re, kinds
}

// apply does what a text says, by the first pattern that matches.
func (g *grammar[T]) apply(p *player, of T, text string) error {
	text = strings.Join(strings.Fields(text), " ")
	for i, re := range g.res {
		found := re.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		m := &match{p: p, text: text, w: found[1:]}
		if m.read(g.kinds[i]); m.err == nil {
			g.list[i].do(of, m)
		}
		if m.err != errOther {
			return m.err
		}
	}
	return fmt.Errorf("%q is not %s; %s", text, g.what, g.suggest(text))
}

func (g *grammar[T]) applyAll(p *player, of T, text string) error {
	for clause := range strings.SplitSeq(text, ",") {
		if err := g.apply(p, of, clause); err != nil {
			return err
		}
	}
	return nil
}

// suggest lists the patterns that begin as the text does, or all if none does.
func (g *grammar[T]) suggest(text string) string {
	begins, _, _ := strings.Cut(text, " ")
	var all, near []string
	for _, one := range g.list {
		all = append(all, g.prefix+one.text)
		if slices.Contains(firstWords(one.text), begins) {
			near = append(near, g.prefix+one.text)
		}
	}
	switch len(near) {
	case 0:
		near = all
	case 1:
		return "write: " + near[0]
	}
	return "write one of:\n" + strings.Join(near, "\n")
}

func firstWords(text string) []string {
	first, _, _ := strings.Cut(text, " ")
	first, _, _ = strings.Cut(first, "[")
	return strings.Split(first, "|")
}

func (g *grammar[T]) keywords() (words []string) {
	for _, one := range g.list {
		words = append(words, firstWords(one.text)...)
	}
	return slices.Compact(words)
}

func (g *grammar[T]) reference(title string) string {
	s := "\n" + title + "\n\n"
	for i, one := range g.list {
		s += "  " + g.prefix + one.text + "\n"
		if g.notes[i] != "" {
			s += "      " + g.notes[i] + "\n"
		}
	}
	return s
}

// read parses numbers, times and zones.
func (m *match) read(kinds []string) {
	for i, kind := range kinds {
		switch kind {
		case "N":
			m.n = parsed(m, m.n, i, number)
		case "D":
			m.d = parsed(m, m.d, i, parseDuration)
		case "TIME":
			m.at = parsed(m, m.at, i, m.p.instant)
		case "HH:MM":
			m.clock, m.err = schedule.ParseTimeOfDay(m.w[i])
		case "ZONE":
			m.w[i] = strings.Replace(m.w[i], "each zone", schedule.AssetZone, 1)
		}
		if m.err != nil {
			return
		}
	}
}

// parsed appends the value of a part to a list; zero if the part is empty.
func parsed[E any](m *match, list []E, i int, parse func(string) (E, error)) []E {
	var e E
	if m.w[i] != "" {
		e, m.err = parse(m.w[i])
	}
	return append(list, e)
}
