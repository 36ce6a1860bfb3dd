package baseline

import (
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Problem is one thing that is wrong with a baseline. Field is the JSON name of
// the field.
type Problem = problem.Problem

// Invalid is the error of everything in this package that validates or parses.
// It lists every problem, not only the first.
type Invalid = problem.Invalid

// Bounds. A value beyond them is refused when it is validated.
const (
	MaxRules = 64        // of a baseline: enough for one per class and severity, and some for products
	MaxList  = 100       // entries of one list of a condition
	MaxIDs   = 10_000    // patches that are approved, and likewise denied, by id
	MaxDays  = 365       // of a delay, an age or a wait
	MaxText  = 512       // bytes of a name, as of the catalog's names
	MaxJSON  = 4_000_000 // bytes of a baseline in JSON
)

// Baseline says which patches may be offered when (APR-1). The zero Baseline
// offers nothing.
//
// Security fixes wait for a week, those of acme that are at least high for a
// day; one patch is approved by hand, and another is never offered:
//
//	{"name": "offices",
//	 "rules": [{"when": {"vendors": ["acme"], "minSeverity": "high"}, "delay": 1},
//	           {"when": {"classes": ["security"]}, "delay": 7}],
//	 "approved": ["tool-2.0.1"], "denied": ["driver-9.1"]}
type Baseline struct {
	Name     string            `json:"name"`
	Rules    []Rule            `json:"rules,omitempty"`    // the first that matches decides
	Approved []catalog.PatchID `json:"approved,omitempty"` // at once, whatever the rules say
	Denied   []catalog.PatchID `json:"denied,omitempty"`   // never, even if something else approves them
	NoBypass bool              `json:"noBypass,omitempty"` // a delay holds even if the patch is exploited or due (APR-3)
	Admit    Admission         `json:"-"`                  // nil: none
}

// Rule allows the patches that meet its condition, after a delay.
type Rule struct {
	When    Condition `json:"when,omitzero"`
	Delay   int       `json:"delay,omitempty"`   // days from the oldest fix of the line, 0 to MaxDays (APR-2)
	MinAge  int       `json:"minAge,omitempty"`  // days that the newest version itself must be old; zero: none
	MaxWait int       `json:"maxWait,omitempty"` // with MinAge: days from the oldest fix, after which MinAge is ignored
}

// Worst returns how many days a fix waits at most, whatever is released
// meanwhile (APR-2).
func (r Rule) Worst() int { return max(r.Delay, r.MaxWait) }

// Condition is what a patch must meet. Every field that is set must match. A
// list matches if one of its entries does. Upper and lower case are the same.
// The zero Condition always holds.
type Condition struct {
	Classes     []catalog.Class  `json:"classes,omitempty"`     // a patch of unknown class is in none
	MinSeverity catalog.Severity `json:"minSeverity,omitempty"` // low to critical; an unknown severity does not meet it (APR-4)
	Products    []string         `json:"products,omitempty"`    // product names or ids
	Vendors     []string         `json:"vendors,omitempty"`     // of the product
	CVEs        []string         `json:"cves,omitempty"`        // ids of vulnerabilities that it fixes
	Exploited   bool             `json:"exploited,omitempty"`   // it fixes what is known to be exploited
}

// Fix is one version of a product, and what is known of an upgrade to it.
type Fix struct {
	Patch     catalog.PatchID
	Class     catalog.Class
	Severity  catalog.Severity // zero and Unrated: unknown
	CVEs      []string
	Exploited catalog.Answer
	Released  time.Time // see [Released]
}

// Request asks about one patch on one asset.
type Request struct {
	Product catalog.Product
	Patch   Fix
	Line    []Fix     // the fixes of the patch's line that are newer than what the asset has, in any order, see [Line]
	Due     time.Time // by when it must be installed; zero: no date (APR-3)
}

// Admission is an importer's own gate. It must depend on its arguments only. If
// it does not admit the patch, reason says why, with a code and a rule of the
// importer's own (APR-5).
type Admission func(r Request, now time.Time) (reason catalog.Reason, admitted bool)

func (c Condition) meets(p catalog.Product, f Fix) bool {
	return (len(c.Classes) == 0 || slices.Contains(c.Classes, f.Class)) &&
		(c.MinSeverity == 0 || f.Severity > catalog.Unrated && f.Severity >= c.MinSeverity) &&
		(len(c.Products) == 0 || names(c.Products, p.Name, string(p.ID))) &&
		(len(c.Vendors) == 0 || names(c.Vendors, p.Vendor)) &&
		(len(c.CVEs) == 0 || names(c.CVEs, f.CVEs...)) &&
		(!c.Exploited || f.Exploited == catalog.Yes)
}

// names reports whether a list has one of the values.
func names(list []string, values ...string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, v) })
	})
}
