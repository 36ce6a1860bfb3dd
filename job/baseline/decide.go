package baseline

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Answer is what a baseline says about a patch (APR-1).
type Answer uint8

// The answers.
const (
	Approved Answer = 1 + iota // it may be offered
	Waiting                    // its delay is not over
	Denied                     // by its id, or by the importer's own admission
	NoRule                     // no rule is about it, so it is not offered
)

var answers = enum.Of[Answer]("answer", "approved", "waiting", "denied", "noRule")

// String returns the answer's name.
func (a Answer) String() string { return answers.String(a) }

// MarshalText returns the answer's name, and the empty text for the zero value.
func (a Answer) MarshalText() ([]byte, error) { return answers.MarshalText(a) }

// UnmarshalText is the inverse of MarshalText.
func (a *Answer) UnmarshalText(text []byte) error { return answers.UnmarshalText(text, a) }

// The codes of the reasons why a baseline does not offer a patch.
const (
	ApprovalWaiting catalog.ReasonCode = "ApprovalWaiting"
	ApprovalDenied  catalog.ReasonCode = "ApprovalDenied"
	ApprovalMissing catalog.ReasonCode = "ApprovalMissing" // NoRule
)

// Decision is a baseline's answer, and why.
type Decision struct {
	Answer Answer             `json:"answer"`
	Until  time.Time          `json:"until,omitzero"`   // of Waiting
	Number int                `json:"number,omitempty"` // of the baseline's rule that decided, from 1; zero: none of them
	Code   catalog.ReasonCode `json:"code,omitempty"`   // unless it is approved
	Rule   string             `json:"rule"`             // APR-1, or an importer's (APR-5)
	Text   string             `json:"text"`             // one sentence
}

// Reason returns the decision as a reason of a verdict. Ok reports whether the
// patch is approved; if not, the reason blocks it.
func (d Decision) Reason() (r catalog.Reason, ok bool) {
	return catalog.Reason{Code: d.Code, Rule: d.Rule, Text: d.Text}, d.Answer == Approved
}

// Decide says whether a patch may be offered now (APR-1 to APR-5).
func (b Baseline) Decide(r Request, now time.Time) Decision {
	if slices.Contains(b.Denied, r.Patch.Patch) {
		return Decision{Answer: Denied, Code: ApprovalDenied, Rule: "APR-1", Text: fmt.Sprintf("Baseline %q denies it by its id.", b.Name)}
	}
	if b.Admit != nil {
		if why, admitted := b.Admit(r, now); !admitted {
			return Decision{Answer: Denied, Code: why.Code, Rule: why.Rule, Text: why.Text}
		}
	}
	if slices.Contains(b.Approved, r.Patch.Patch) {
		return Decision{Answer: Approved, Rule: "APR-1", Text: fmt.Sprintf("Baseline %q approves it by its id.", b.Name)}
	}
	at := slices.IndexFunc(b.Rules, func(rule Rule) bool { return rule.When.meets(r.Product, r.Patch) })
	if at < 0 {
		return Decision{Answer: NoRule, Code: ApprovalMissing, Rule: "APR-1", Text: fmt.Sprintf("No rule of baseline %q is about it.", b.Name)}
	}
	rule := b.Rules[at]
	oldest := oldest(rule, r)
	until := rule.until(oldest, r.Patch.Released)
	d := Decision{Answer: Approved, Number: at + 1, Rule: "APR-2", Text: fmt.Sprintf("Rule %d of baseline %q allows it since %s.", at+1, b.Name, instant(until))}
	switch {
	case !until.After(now):
	case b.NoBypass:
		d.wait(rule, oldest, until, b.Name)
	case r.Patch.Exploited == catalog.Yes:
		d.Rule, d.Text = "APR-3", fmt.Sprintf("Rule %d of baseline %q allows it at once, because it fixes what is known to be exploited.", at+1, b.Name)
	case !r.Due.IsZero() && !r.Due.After(until):
		d.Rule = "APR-3"
		d.Text = fmt.Sprintf("Rule %d of baseline %q allows it at once, because it is due at %s, and the delay ends at %s.", at+1, b.Name, instant(r.Due), instant(until))
	default:
		d.wait(rule, oldest, until, b.Name)
	}
	return d
}

func (d *Decision) wait(rule Rule, oldest Fix, until time.Time, name string) {
	d.Answer, d.Until, d.Code = Waiting, until.UTC(), ApprovalWaiting
	days := fmt.Sprintf("%d days after %s, the oldest fix of its line, of %s", rule.Delay, oldest.Patch, instant(oldest.Released))
	if rule.MinAge > 0 {
		days += fmt.Sprintf(", and until it is %d days old itself, at most %d", rule.MinAge, rule.MaxWait)
	}
	d.Text = fmt.Sprintf("Rule %d of baseline %q waits until %s: %s.", d.Number, name, instant(until), days)
}

// oldest returns the oldest of the line's fixes that the rule is about, the
// patch itself included (APR-2).
func oldest(rule Rule, r Request) Fix {
	first := r.Patch
	for _, f := range r.Line {
		if f.Released.Before(first.Released) && rule.When.meets(r.Product, f) {
			first = f
		}
	}
	return first
}

// until returns when the rule allows a patch.
func (r Rule) until(oldest Fix, released time.Time) time.Time {
	until := oldest.Released.Add(days(r.Delay))
	if r.MinAge == 0 {
		return until
	}
	if aged := released.Add(days(r.MinAge)); aged.After(until) {
		until = aged
	}
	if last := oldest.Released.Add(days(r.Worst())); last.Before(until) {
		return last
	}
	return until
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
