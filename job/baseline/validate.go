package baseline

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// Validate says everything that is wrong with the baseline, including rules that
// can never match and approvals of what is denied. The error is an *[Invalid].
func (b Baseline) Validate() error {
	var bad problem.List
	text(&bad, "name", b.Name)
	if len(b.Rules) > MaxRules {
		bad.Add("rules", fmt.Sprint(len(b.Rules)), "are too many; use at most %d", MaxRules)
	}
	if len(b.Rules)+len(b.Approved) == 0 {
		bad.Add("rules", "", "are missing and nothing is approved, so nothing would be offered; add a rule (APR-1)")
	}
	rules := b.Rules[:min(len(b.Rules), MaxRules)]
	for i, r := range rules {
		r.check(&bad, fmt.Sprintf("rules[%d]", i), b.NoBypass)
	}
	ids(&bad, "approved", b.Approved)
	ids(&bad, "denied", b.Denied)
	if len(bad) == 0 {
		denied := make(map[catalog.PatchID]bool, len(b.Denied))
		for _, id := range b.Denied {
			denied[id] = true
		}
		for i, id := range b.Approved {
			if denied[id] {
				bad.Add(fmt.Sprintf("approved[%d]", i), string(id), "is also denied, which always wins; keep one of the two (APR-1)")
			}
		}
		for i := range rules {
			if shadowed(rules[:i], rules[i].When) {
				bad.Add(fmt.Sprintf("rules[%d]", i), "", "never matches: the rules before it match all that it is about; move it up, or remove it (APR-4)")
			}
		}
	}
	return bad.Err(fmt.Sprintf("baseline %q", problem.Clip(b.Name, 80)))
}

func (r Rule) check(bad *problem.List, at string, noBypass bool) {
	for _, f := range []struct {
		name string
		days int
	}{{"delay", r.Delay}, {"minAge", r.MinAge}, {"maxWait", r.MaxWait}} {
		if f.days < 0 || f.days > MaxDays {
			bad.Add(at+"."+f.name, fmt.Sprint(f.days), "must be 0 to %d days", MaxDays)
		}
	}
	switch {
	case (r.MinAge > 0) != (r.MaxWait > 0):
		bad.Add(at+".maxWait", fmt.Sprint(r.MaxWait), "goes together with minAge: without it, frequent releases would be waited for without end (APR-2)")
	case r.MinAge > 0 && (r.MaxWait < r.Delay || r.MaxWait < r.MinAge):
		bad.Add(at+".maxWait", fmt.Sprint(r.MaxWait), "is shorter than the delay or the minimum age (APR-2)")
	}
	if r.When.Exploited && r.Delay+r.MinAge > 0 && !noBypass {
		bad.Add(at+".delay", fmt.Sprint(max(r.Delay, r.MinAge)), "has no effect: known exploitation bypasses delays; leave it out, or set noBypass (APR-3)")
	}
	c := r.When
	for i, class := range c.Classes {
		if _, err := catalog.ParseClass(class.String()); err != nil {
			bad.Add(fmt.Sprintf("%s.when.classes[%d]", at, i), class.String(), "is not a class")
		}
	}
	if c.MinSeverity != 0 && (c.MinSeverity < catalog.Low || c.MinSeverity > catalog.Critical) {
		bad.Add(at+".when.minSeverity", c.MinSeverity.String(), "must be low, medium, high or critical: an unknown severity meets no minimum (APR-4)")
	}
	for _, f := range []struct {
		name string
		list []string
	}{{"products", c.Products}, {"vendors", c.Vendors}, {"cves", c.CVEs}} {
		field := at + ".when." + f.name
		if len(f.list) > MaxList {
			bad.Add(field, fmt.Sprint(len(f.list)), "are too many; use at most %d", MaxList)
			continue
		}
		for j, s := range f.list {
			text(bad, fmt.Sprintf("%s[%d]", field, j), s)
		}
	}
}

func text(bad *problem.List, field, s string) {
	bad.Text(field, s, MaxText)
	if s == "" {
		bad.Add(field, "", "is missing")
	}
}

func ids(bad *problem.List, field string, list []catalog.PatchID) {
	if len(list) > MaxIDs {
		bad.Add(field, fmt.Sprint(len(list)), "are too many; use at most %d", MaxIDs)
		return
	}
	seen := make(map[catalog.PatchID]bool, len(list))
	for i, id := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		text(bad, at, string(id))
		if seen[id] {
			bad.Add(at, string(id), "is named twice; name it once")
		}
		seen[id] = true
	}
}

// shadowed reports whether each patch that meets a condition also meets that of
// an earlier rule. It tries the patches that meet the condition and as little
// else as possible: of each list, one entry. For each entry, a bit per earlier
// rule says that the rule does not object to it; a patch is free if no rule
// has its bit in all of them.
func shadowed(earlier []Rule, c Condition) bool {
	matching := func(meets func(Condition) bool) (bits uint64) {
		for i, r := range earlier {
			if meets(r.When) {
				bits |= 1 << i
			}
		}
		return bits
	}
	entries := func(list []string, of func(Condition) []string) (masks []uint64) {
		if len(list) == 0 { // something that no rule names
			return []uint64{matching(func(e Condition) bool { return len(of(e)) == 0 })}
		}
		for _, s := range list {
			masks = append(masks, matching(func(e Condition) bool { return len(of(e)) == 0 || names(of(e), s) }))
		}
		slices.Sort(masks)
		return slices.Compact(masks)
	}
	fixed := matching(func(e Condition) bool { return e.MinSeverity <= c.MinSeverity && (c.Exploited || !e.Exploited) })
	class := func(c Condition) (list []string) {
		for _, k := range c.Classes {
			list = append(list, k.String())
		}
		return list
	}
	for _, k := range entries(class(c), class) {
		for _, p := range entries(c.Products, func(e Condition) []string { return e.Products }) {
			for _, v := range entries(c.Vendors, func(e Condition) []string { return e.Vendors }) {
				for _, cve := range entries(c.CVEs, func(e Condition) []string { return e.CVEs }) {
					if fixed&k&p&v&cve == 0 {
						return false
					}
				}
			}
		}
	}
	return true
}

// Warnings is about a product that is released every so many days. It names the
// rules whose minimum age no newest version reaches, so that only the maximum
// wait lets the product through. Each warning is a sentence with the worst wait
// in days (APR-2).
func (b Baseline) Warnings(every int) (warnings []string) {
	for i, r := range b.Rules {
		if r.MinAge > every {
			warnings = append(warnings, fmt.Sprintf(
				"rules[%d] wants a version to be %d days old, and the next one comes after %d: a fix waits %d days, the maximum wait.", i, r.MinAge, every, r.Worst()))
		}
	}
	return warnings
}

// Parse reads a baseline from JSON of at most [MaxJSON] bytes, which names no
// field twice and no field that [Baseline] does not have. The error is an
// *[Invalid].
func Parse(data []byte) (b Baseline, err error) {
	const what = "baseline"
	if len(data) > MaxJSON {
		return b, problem.One(what, "", "", "has %d bytes; at most %d are allowed", len(data), MaxJSON)
	}
	if err := strictjson.Unmarshal(data, &b); err != nil {
		return Baseline{}, problem.One(what, "", "", "is not a baseline in JSON: %v", err)
	}
	return b, b.Validate()
}
