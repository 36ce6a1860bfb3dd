package agentsim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ScriptError says which line of a scenario is wrong, and how.
type ScriptError struct {
	File string
	Line int // from 1
	Text string
	Err  error
}

func (e *ScriptError) Error() string {
	return fmt.Sprintf("%s:%d: %s: %v", e.File, e.Line, strings.TrimSpace(e.Text), e.Err)
}

func (e *ScriptError) Unwrap() error { return e.Err }

// Unmet is an expectation that did not hold.
type Unmet struct {
	Want string
	Have string // in the words an expect line uses
}

func (e *Unmet) Error() string { return fmt.Sprintf("expected %s, found %s", e.Want, e.Have) }

// Script is a parsed scenario: see the package doc for the language.
type Script struct {
	file  string
	lines []string
	steps []step
}

type step struct {
	line  int // index into lines
	at    when
	words string // without time and comment
}

// when is the time of a step: an offset from the clock's start, an instant, or neither: the time of the step before.
type when struct {
	offset time.Duration
	at     time.Time
	same   bool
}

func (t when) instant(start, now time.Time) time.Time {
	switch {
	case t.same:
		return now
	case !t.at.IsZero():
		return t.at
	}
	return start.Add(t.offset)
}

// MaxScript is the largest scenario in bytes.
const MaxScript = 1 << 20

// ParseScript reads the lines of a scenario; file is its name in errors. What a line says is understood when it is
// played. The error is a *ScriptError.
func ParseScript(file, text string) (*Script, error) {
	s := &Script{file: file}
	if len(text) > MaxScript {
		return nil, &ScriptError{File: file, Line: 1, Err: fmt.Errorf("the scenario has %d bytes; at most %d are read", len(text), MaxScript)}
	}
	s.lines = strings.Split(text, "\n")
	for i, line := range s.lines {
		words := strings.TrimSpace(uncomment(line))
		if words == "" {
			continue
		}
		at := when{same: true}
		if first, rest, _ := strings.Cut(words, " "); first[0] == '+' || isInstant(first) {
			t, err := parseWhen(first)
			if err != nil {
				return nil, s.wrong(i, err)
			}
			at, words = t, strings.TrimSpace(rest)
		}
		s.steps = append(s.steps, step{line: i, at: at, words: words})
	}
	if len(s.steps) == 0 || !strings.HasPrefix(s.steps[0].words, "clock ") {
		return nil, s.wrong(0, errors.New("a scenario begins with a clock, as in: clock 2026-03-02T00:00:00Z"))
	}
	return s, nil
}

func (s *Script) wrong(line int, err error) *ScriptError {
	return &ScriptError{File: s.file, Line: line + 1, Text: uncomment(s.lines[line]), Err: err}
}

// uncomment cuts a comment off: a # at the beginning or behind a space.
func uncomment(line string) string {
	if strings.HasPrefix(line, "#") {
		return ""
	}
	text, _, _ := strings.Cut(line, " #")
	return strings.TrimRight(text, " \t\r")
}

func isInstant(s string) bool { return len(s) > 10 && s[4:5] == "-" && s[7:8] == "-" }

// parseWhen reads +3h15m, +2d4h or 2026-03-02T00:00:00Z.
func parseWhen(s string) (when, error) {
	if offset, ok := strings.CutPrefix(s, "+"); ok {
		d, err := ParseDuration(offset)
		return when{offset: d}, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return when{}, fmt.Errorf("%q is no time; write +3h15m or 2026-03-02T00:00:00Z", s)
	}
	return when{at: t.UTC()}, nil
}

// ParseDuration reads a duration as Go does, with days: 90s, 15m, 3h15m, 2d12h.
func ParseDuration(s string) (time.Duration, error) {
	rest, days := s, time.Duration(0)
	if n, more, ok := strings.Cut(s, "d"); ok {
		count := 0
		if _, err := fmt.Sscanf(n, "%d", &count); err != nil || count < 0 || count > 36500 || fmt.Sprint(count) != n {
			return 0, fmt.Errorf("%q is no duration; write 90s, 15m, 3h15m or 2d12h", s)
		}
		if rest, days = more, time.Duration(count)*24*time.Hour; rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration; write 90s, 15m, 3h15m or 2d12h", s)
	}
	return days + d, nil
}

// Play runs a scenario to its end, a settled fleet included, and returns the world as it is then. With an error, which is
// a *ScriptError, the world is where it stopped; nil if it never began.
func (s *Script) Play() (*World, error) { return s.play(nil) }

// Rewrite plays the scenario, and returns its text with every expectation that did not hold replaced by what was found.
func (s *Script) Rewrite() (string, error) {
	lines := append([]string(nil), s.lines...)
	_, err := s.play(func(line int, unmet *Unmet) {
		lines[line] = strings.Replace(lines[line], unmet.Want, unmet.Have, 1)
	})
	return strings.Join(lines, "\n"), err
}

func (s *Script) play(rewrite func(line int, unmet *Unmet)) (*World, error) {
	p := &player{}
	for _, st := range s.steps {
		err := p.step(st)
		if unmet, ok := errors.AsType[*Unmet](err); ok && rewrite != nil {
			rewrite(st.line, unmet)
			continue
		}
		if err != nil {
			return p.w, s.wrong(st.line, err)
		}
	}
	if err := p.w.trouble(); err != nil {
		return p.w, s.wrong(len(s.lines)-1, err)
	}
	return p.w, nil
}

// player is a scenario being played.
type player struct {
	w       *World
	refused error // the answer to the last act of the administrator; nil: it was done
}

func (p *player) step(st step) error {
	verb, rest, _ := strings.Cut(st.words, " ")
	if verb == "clock" {
		return p.clock(rest)
	}
	at := st.at.instant(p.w.cfg.Start, p.w.now)
	if at.Before(p.w.now) {
		return fmt.Errorf("%s is before the step above, at %s", at.Format(time.RFC3339), p.w.now.Format(time.RFC3339))
	}
	if err := p.w.Run(at); err != nil || st.words == "" {
		return err
	}
	for _, v := range verbs {
		if v.name == verb {
			if err := v.do(p, strings.TrimSpace(rest)); err != nil {
				return err
			}
			return p.w.trouble()
		}
	}
	if a := p.w.assets[jobAsset(verb)]; a != nil {
		return p.assetDoes(a, strings.TrimSpace(rest))
	}
	return fmt.Errorf("%q is neither an asset nor one of: clock, %s", verb, verbNames())
}

func (p *player) clock(rest string) error {
	if p.w != nil {
		return errors.New("the clock is set once, at the beginning")
	}
	var c Config
	for i, clause := range clauses(rest) {
		word, value, _ := strings.Cut(clause, " every ")
		var err error
		switch {
		case i == 0:
			c.Start, err = time.Parse(time.RFC3339, clause)
		case word == "check-in":
			c.CheckIn, err = ParseDuration(value)
		case word == "sync":
			c.Sync, err = ParseDuration(value)
		default:
			err = fmt.Errorf("%q is not understood; write: clock 2026-03-02T00:00:00Z, check-in every 15m, sync every 30m", clause)
		}
		if err != nil {
			return err
		}
	}
	w, err := New(c)
	p.w = w
	return err
}

// clauses splits at commas outside quotes.
func clauses(s string) []string {
	var list []string
	quoted, from := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			list, from = append(list, strings.TrimSpace(s[from:i])), i+1
		}
	}
	return append(list, strings.TrimSpace(s[from:]))
}
