package agentsim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// ScriptError is an error at a line of a scenario.
type ScriptError struct {
	File string
	Line int // from 1
	Text string
	Why  string // the comment of the line, or else the nearest above it; empty: none
	Err  error
}

func (e *ScriptError) Error() string {
	s := fmt.Sprintf("%s:%d: %s: %v", e.File, e.Line, strings.TrimSpace(e.Text), e.Err)
	if e.Why != "" {
		s += "\n  it shows: " + e.Why
	}
	return s
}

func (e *ScriptError) Unwrap() error { return e.Err }

// Unmet is an expectation that does not hold.
type Unmet struct {
	Want string
	Have string   // in the words of an expect line; empty: nothing of the kind happened
	Why  []string // sentences that explain it: verdicts, refusals, how far the orders came
}

func (e *Unmet) Error() string {
	s := "expected " + e.Want + "; there was none"
	if e.Have != "" {
		s = "expected " + e.Want + ", found " + e.Have
	}
	for _, why := range e.Why {
		s += "\n  why: " + why
	}
	return s
}

// Script is a parsed scenario, in the language that [Language] describes.
type Script struct {
	file  string
	lines []string
	steps []step
}

type step struct {
	line  int // index into lines
	at    time.Time
	words string // without time and comment
}

// ParseScript parses the lines of a scenario; file is its name in errors. It
// checks the times and the first line; the other lines are checked when they
// are played. The error is a [*ScriptError].
func ParseScript(file, text string) (*Script, error) {
	s, err := parseSteps(file, text, time.Time{}, time.Time{})
	if err == nil && (len(s.steps) == 0 || !strings.HasPrefix(s.steps[0].words, "clock ")) {
		err = s.wrong(0, errors.New("a scenario begins with a clock, as in: clock 2026-03-02T00:00:00Z"))
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// parseSteps parses lines that may be a part of a scenario that began at start
// and is at now.
func parseSteps(file, text string, start, now time.Time) (*Script, error) {
	s := &Script{file: file}
	if len(text) > MaxScript {
		return nil, &ScriptError{File: file, Line: 1, Err: fmt.Errorf("the scenario has %d bytes; at most %d are allowed", len(text), MaxScript)}
	}
	s.lines = strings.Split(text, "\n")
	for i, line := range s.lines {
		words := strings.TrimSpace(uncomment(line))
		if words == "" {
			continue
		}
		if first, rest, _ := strings.Cut(words, " "); first[0] == '+' || len(first) > 10 && first[4] == '-' && first[7] == '-' {
			t, err := parseWhen(first, start)
			if err != nil {
				return nil, s.wrong(i, err)
			}
			now, words = t, strings.TrimSpace(rest)
		}
		if clock, ok := strings.CutPrefix(words, "clock "); ok && len(s.steps) == 0 {
			first, _, _ := strings.Cut(strings.TrimSpace(clock), ",")
			t, err := time.Parse(time.RFC3339, first)
			if err != nil {
				return nil, s.wrong(i, fmt.Errorf("%q is not an instant; write: clock 2026-03-02T00:00:00Z, check-in every 15m, sync every 30m, lead 3h, store seed 7", first))
			}
			start = t.UTC().Truncate(time.Second)
			now = start
		}
		s.steps = append(s.steps, step{line: i, at: now, words: words})
	}
	return s, nil
}

// ScriptStep is one step of a scenario: its time since the start of the clock,
// and its line without time and comment.
type ScriptStep struct {
	At    time.Duration
	Words string
}

// Steps returns the steps. The first is the clock line.
func (s *Script) Steps() []ScriptStep {
	list := make([]ScriptStep, len(s.steps))
	for i, st := range s.steps {
		list[i] = ScriptStep{st.at.Sub(s.steps[0].at), st.words}
	}
	return list
}

func (s *Script) wrong(line int, err error) *ScriptError {
	return &ScriptError{File: s.file, Line: line + 1, Text: uncomment(s.lines[line]), Why: s.why(line), Err: err}
}

// why returns the comment of a line, or else the nearest block of whole-line
// comments above it.
func (s *Script) why(line int) string {
	if _, comment, ok := strings.Cut(s.lines[line], " #"); ok {
		return strings.TrimSpace(comment)
	}
	isComment := func(i int) bool { return strings.HasPrefix(strings.TrimSpace(s.lines[i]), "#") }
	for line > 0 && !isComment(line) {
		line--
	}
	var words []string
	for ; line >= 0 && isComment(line); line-- {
		words = append([]string{strings.TrimSpace(strings.TrimLeft(s.lines[line], " \t#"))}, words...)
	}
	return strings.Join(words, " ")
}

// uncomment removes a comment: a # at the beginning or after a space.
func uncomment(line string) string {
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return ""
	}
	text, _, _ := strings.Cut(line, " #")
	return strings.TrimRight(text, " \t\r")
}

// parseWhen parses a time: +3h15m or +2d4h after start, or an instant.
func parseWhen(s string, start time.Time) (time.Time, error) {
	if offset, ok := strings.CutPrefix(s, "+"); ok {
		d, err := parseDuration(offset)
		return start.Add(d), err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time; write +3h15m or 2026-03-02T00:00:00Z", s)
	}
	return t.UTC(), nil
}

// parseDuration parses a duration as Go does, and also days: 90s, 15m, 3h15m,
// 2d12h. A negative duration is an error.
func parseDuration(s string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a duration; write 90s, 15m, 3h15m or 2d12h", s)
	rest, days := s, time.Duration(0)
	if n, more, ok := strings.Cut(s, "d"); ok {
		count, err := strconv.Atoi(n)
		if err != nil || count < 0 || count > 36500 || strconv.Itoa(count) != n {
			return 0, wrong
		}
		if rest, days = more, time.Duration(count)*24*time.Hour; rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, wrong
	}
	return days + d, nil
}

// Play plays a scenario to its end in a world with these settings, which the
// clock line overrides. It returns the world as it is then. The error is a
// [*ScriptError]; the world is then where the scenario stopped, or nil if it
// never began.
func (s *Script) Play(c Config) (*World, error) { return s.play(c, nil) }

// Rewrite plays the scenario, and returns its text with the right value in
// every expectation that did not hold. The error is a *[ScriptError] that no
// other value would fix.
func (s *Script) Rewrite() (string, error) {
	lines := slices.Clone(s.lines)
	_, err := s.play(Config{}, func(line int, unmet *Unmet) {
		words := uncomment(lines[line])
		if at := strings.LastIndex(words, unmet.Want); at >= 0 {
			lines[line] = words[:at] + unmet.Have + lines[line][at+len(unmet.Want):]
		}
	})
	return strings.Join(lines, "\n"), err
}

func (s *Script) play(c Config, rewrite func(line int, unmet *Unmet)) (*World, error) {
	p := &player{config: c, policies: map[string]integrity.Excerpt{}}
	err := s.playOn(p, rewrite)
	if err == nil {
		p.explainIdle()
	}
	return p.w, err
}

// playOn plays the steps, also those that are a part of a scenario. Rewrite, if
// not nil, takes the expectations that do not hold.
func (s *Script) playOn(p *player, rewrite func(line int, unmet *Unmet)) error {
	if err := s.planBackups(p); err != nil {
		return err
	}
	for _, st := range s.steps {
		err := p.step(st)
		if unmet, ok := errors.AsType[*Unmet](err); ok && rewrite != nil && unmet.Have != "" {
			rewrite(st.line, unmet)
			continue
		}
		if err != nil {
			return s.wrong(st.line, err)
		}
	}
	if err := p.answered(); err != nil {
		return s.wrong(s.steps[len(s.steps)-1].line, err)
	}
	return nil
}

// planBackups finds the instants to which the server will be put back: it makes
// a backup at each.
func (s *Script) planBackups(p *player) error {
	for _, st := range s.steps {
		when, is := strings.CutPrefix(strings.TrimPrefix(st.words, "try "), putBack)
		if !is {
			continue
		}
		start := s.steps[0].at
		if p.w != nil {
			start = p.w.cfg.Start
		}
		at, err := parseWhen(when, start)
		if err == nil && (at.After(st.at) || p.w != nil && at.Before(p.w.now)) {
			err = fmt.Errorf("the server has no backup of %s; put it back to a time before this line and after the start of the scenario", when)
		}
		if err != nil {
			return s.wrong(st.line, err)
		}
		p.backupAt = append(p.backupAt, at)
	}
	slices.SortFunc(p.backupAt, time.Time.Compare)
	p.backups = map[time.Time]backup{}
	return nil
}

const putBack = "server is put back to "

type player struct {
	config  Config
	w       *World
	refused error // the server's refusal of the last act; nil: it was done

	policies map[string]integrity.Excerpt // by name
	backupAt []time.Time                  // still to be made
	backups  map[time.Time]backup
}

func (p *player) step(st step) error {
	if strings.HasPrefix(st.words, "clock ") {
		p.config.Start = st.at
		return lines.apply(p, p, st.words)
	}
	if st.at.Before(p.w.now) {
		return fmt.Errorf("%s is before the step above, at +%s", st.at.Format(time.RFC3339), short(p.w.now.Sub(p.w.cfg.Start)))
	}
	for ; len(p.backupAt) > 0 && !p.backupAt[0].After(st.at); p.backupAt = p.backupAt[1:] {
		if err := p.w.Run(p.backupAt[0]); err != nil {
			return err
		}
		p.backups[p.backupAt[0]] = p.w.server.backup()
	}
	if err := p.w.Run(st.at); err != nil || st.words == "" {
		return err
	}
	if err := p.do(st.words); err != nil {
		return err
	}
	return p.w.trouble()
}

func (p *player) do(words string) error {
	word, rest, _ := strings.Cut(words, " ")
	if slices.Contains(lines.keywords(), word) {
		return lines.apply(p, p, words)
	}
	a := p.w.assets[job.AssetID(word)]
	switch {
	case a == nil:
		return fmt.Errorf("%q is neither an asset nor one of: %s", word, strings.Join(lines.keywords(), ", "))
	case a.asleep():
		return notNowf("%s sleeps until %s", a.id, p.w.since(a.sleep))
	}
	return actions.apply(p, a, rest)
}

var clockClauses = newGrammar("a setting of the clock line", "clock …, ", []pattern[*Config]{
	{"check-in every D", "", func(c *Config, m *match) { c.CheckIn = m.positive() }},
	{"sync every D", "", func(c *Config, m *match) { c.Sync = m.positive() }},
	{"lead D", "", func(c *Config, m *match) { c.Lead = m.positive() }},
	{"store seed N  makes the store repeat transactions", "store seed (.+)", func(c *Config, m *match) { c.Seed, m.err = strconv.ParseUint(m.w[0], 10, 64) }},
})

func (p *player) clock(m *match) {
	if p.w != nil {
		m.err = errors.New("the clock line comes once, at the beginning; delete this one")
		return
	}
	c := p.config
	if _, settings, more := strings.Cut(m.w[0], ","); more {
		if m.err = clockClauses.applyAll(p, &c, settings); m.err != nil {
			return
		}
	}
	p.w, m.err = New(c)
}

func (m *match) positive() time.Duration {
	d := m.duration(0)
	if d == 0 {
		m.err = fmt.Errorf("%q is zero; write a longer time", m.w[0])
	}
	return d
}
