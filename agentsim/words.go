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

// form is one way to write a line or a part of one, in the notation of the package's doc: words stand for themselves, a|b
// is either, [ ] may be left out, capitals stand for a word, and with … behind them for all that follows.
type form[T any] struct {
	text string
	re   string // how it is read, where the notation does not say that
	do   func(of T, m *match)
}

// match is what a text says for the parts of its form; what it leaves out is zero. N, D, TIME and HH:MM are read as such,
// unless the form has a regular expression of its own.
type match struct {
	p     *player
	text  string   // all of it
	w     []string // for each part in capitals, each a|b and each [ ] around words only
	n     []int
	d     []time.Duration
	at    []time.Time
	clock schedule.TimeOfDay
	err   error // why it cannot be done; errOther: it is another form that the text means
}

var errOther = errors.New("another form")

// forms are all that a text can be. What reads it and what says how to write it come from this one table.
type forms[T any] struct {
	what   string // a text that is none of them: "nothing an asset does"
	prefix string // of each
	list   []form[T]
	res    []*regexp.Regexp
	kinds  [][]string
}

func formsOf[T any](what, prefix string, list []form[T]) *forms[T] {
	f := &forms[T]{what: what, prefix: prefix, list: list}
	for _, one := range list {
		var kinds []string
		if one.re == "" {
			one.re, kinds = notation(one.text)
		}
		f.res, f.kinds = append(f.res, regexp.MustCompile("^(?:"+one.re+")$")), append(f.kinds, kinds)
	}
	return f
}

// parts finds what a form has besides plain words: words that may be left out, a|b, and what stands for something.
var parts = regexp.MustCompile(`\[[^\[\]A-Z]+\]|[^\s\[\]|]+(?:\|[^\s\[\]|]+)+|[A-Z]+(?:[:-][A-Z]+)*…?|.`)

// notation is the regular expression of a form, and what its groups stand for.
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

// say does what a text says, by the first form that fits.
func (f *forms[T]) say(p *player, of T, text string) error {
	text = strings.Join(strings.Fields(text), " ")
	for i, re := range f.res {
		found := re.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		m := &match{p: p, text: text, w: found[1:]}
		if m.read(f.kinds[i]); m.err == nil {
			f.list[i].do(of, m)
		}
		if m.err != errOther {
			return m.err
		}
	}
	return fmt.Errorf("%q is %s; %s", text, f.what, f.help(text))
}

// help teaches the forms that begin as a text does, or else all.
func (f *forms[T]) help(text string) string {
	begins, _, _ := strings.Cut(text, " ")
	var all, near []string
	for _, one := range f.list {
		all = append(all, f.prefix+one.text)
		first, _, _ := strings.Cut(one.text, " ")
		if first, _, _ = strings.Cut(first, "["); slices.Contains(strings.Split(first, "|"), begins) {
			near = append(near, f.prefix+one.text)
		}
	}
	switch len(near) {
	case 0:
		return "write one of:\n" + strings.Join(all, "\n")
	case 1:
		return "write: " + near[0]
	}
	return "write one of:\n" + strings.Join(near, "\n")
}

// read reads what stands for numbers, times and zones.
func (m *match) read(kinds []string) {
	for i, kind := range kinds {
		switch kind {
		case "N":
			m.n = with(m, m.n, i, number)
		case "D":
			m.d = with(m, m.d, i, ParseDuration)
		case "TIME":
			m.at = with(m, m.at, i, m.p.instant)
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

// with is a list with one more element, zero if there is no word for it.
func with[E any](m *match, list []E, i int, parse func(string) (E, error)) []E {
	var e E
	if m.w[i] != "" {
		e, m.err = parse(m.w[i])
	}
	return append(list, e)
}

// each does what the clauses of a text say.
func (f *forms[T]) each(p *player, of T, text string) error {
	for clause := range strings.SplitSeq(text, ",") {
		if err := f.say(p, of, clause); err != nil {
			return err
		}
	}
	return nil
}
