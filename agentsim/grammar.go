package agentsim

import (
	"cmp"
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
// out is empty, and its value is zero.
type match struct {
	p     *player
	text  string   // the whole text
	w     []string // one for each part in capitals, each a|b and each [ ] around words only
	wrong error    // a part is not what it should be
	err   error    // why it cannot be done; errOther: try the next pattern
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
}

func newGrammar[T any](what, prefix string, list []pattern[T]) *grammar[T] {
	g := &grammar[T]{what: what, prefix: prefix, list: list}
	for i, one := range list {
		text, note, _ := strings.Cut(one.text, "  ")
		list[i].text, g.notes = text, append(g.notes, strings.TrimSpace(note))
		g.res = append(g.res, regexp.MustCompile("^(?:"+cmp.Or(one.re, notation(text))+")$"))
	}
	return g
}

// parts finds what a pattern has besides plain words: optional words, a|b, and
// placeholders.
var parts = regexp.MustCompile(`\[[^\[\]A-Z]+\]|[^\s\[\]|]+(?:\|[^\s\[\]|]+)+|[A-Z]+(?:[:-][A-Z]+)*…?|.`)

// notation returns the regular expression of a pattern.
func notation(text string) (re string) {
	for _, part := range parts.FindAllString(text, -1) {
		switch {
		case part == "[":
			re += "(?:"
		case part == "]":
			re += ")?"
		case part[0] == '[':
			re += "(" + regexp.QuoteMeta(strings.Trim(part, "[]")) + ")?"
		case strings.HasSuffix(part, "…"):
			re += "(.+?)"
		case part == "ZONE":
			re += "(each zone|[^ ]+)"
		case part != strings.ToLower(part):
			re += "([^ ]+?)"
		case strings.Contains(part, "|"):
			re += "(" + strings.ReplaceAll(regexp.QuoteMeta(part), `\|`, "|") + ")"
		default:
			re += regexp.QuoteMeta(part)
		}
	}
	return re
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
		g.list[i].do(of, m)
		if err := cmp.Or(m.wrong, m.err); err != errOther {
			return err
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

// The values of the ith part.

func (m *match) number(i int) int { return value(m, i, number) }

func (m *match) duration(i int) time.Duration { return value(m, i, parseDuration) }

func (m *match) time(i int) time.Time { return value(m, i, m.p.instant) }

func (m *match) clock(i int) schedule.TimeOfDay { return value(m, i, schedule.ParseTimeOfDay) }

func (m *match) zone(i int) string {
	return strings.Replace(m.w[i], "each zone", schedule.AssetZone, 1)
}

func value[E any](m *match, i int, parse func(string) (E, error)) (v E) {
	if m.w[i] == "" {
		return v
	}
	v, err := parse(m.w[i])
	m.wrong = cmp.Or(m.wrong, err)
	return v
}

// Language returns the reference of the scenario language, as text for people.
func Language() string {
	return `A scenario has one step per line. A step may begin with a time: +3h15m or +2d
after the start of the clock, or an instant such as 2026-03-02T00:00:00Z.
Without one, it happens at the time of the step above. Durations are written
90s, 15m, 3h15m or 2d12h. Text after # is a comment. A failure prints the
comment of its line, or else the nearest comment above it.

In this reference, a|b means a or b, and what is in [ ] is optional. A word in
capitals stands for a value; followed by … it stands for the rest of the line or
clause.

  D          a duration
  TIME       a time, as at the beginning of a step
  ZONE       a time zone such as Europe/Berlin, or "each zone" for the asset's own
  PLATFORM   linux (the default), windows or macos
  ARCHITECTURE
             amd64 (the default), arm64 or 386
  STEP       a progress step or a result such as Deploying or Completed, or one of
             inventory, download, preflight, install, action, prompt, reboot

Patches that are published at the start are in the catalog at once. Later ones
are there after the next sync. A product is one title on one platform and
architecture: the same product name on another platform is another product. A
job is for one platform, on any architecture (JOB-7).
` + lines.reference("LINES") +
		clockClauses.reference("SETTINGS of the clock line") +
		patchOptions.reference("OPTIONS of a patch") +
		facts.reference("FACTS about a vulnerability") +
		jobClauses.reference("CLAUSES of a job") +
		conditions.reference("CONDITIONS of a query (JOB-8)") +
		periods.reference("CLAUSES of a calendar") +
		baselineRules.reference("CLAUSES of a baseline") +
		recurring.reference("SCHEDULES that recur (JOB-9)") +
		policyClauses.reference("CLAUSES of a policy") +
		actions.reference("ACTIONS of an asset") +
		expectations.reference("EXPECTATIONS") + `
The copy of a cloned asset has its own name in a scenario. The server knows only
the asset that both computers call as.
`
}
