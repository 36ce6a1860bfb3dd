package rollout

import (
	"fmt"
	"strings"
	"time"
)

// Radius says what a rollout can do at worst (ROL-5).
type Radius struct {
	Selected int      // assets
	Rings    []int    // how many of them are in each ring
	Budget   int      // of assets at risk
	Hurt     int      // assets that a bad patch hurts at most before the rollout stops
	Warnings []string // gates that can never promote, as sentences
}

// BlastRadius says how many of these assets a bad patch can hurt at most before
// the rollout stops or stays where it is, whatever part of the assets it is bad
// for, and however late they report it (ROL-5). An asset is hurt if it began
// and is not verified. The number leaves out assets that join later, at most as
// many as the budget allows, and assets that a named act puts at risk. The
// policy must be valid.
func (p Policy) BlastRadius(assets []Asset) Radius {
	s := Begin(p, "", assets, time.Unix(0, 0))
	r := Radius{Selected: len(assets), Budget: s.Budget}
	earlier := 0 // hurt in rings whose gates promoted
	reached := true
	for i, ring := range s.Rings {
		n, limit, gate := ring.Waiting, s.Budget, p.Rings[i].Gate.bounded()
		if ring.Limit > 0 {
			limit = min(limit, ring.Limit)
		}
		r.Rings = append(r.Rings, n)
		if reached {
			r.Hurt = max(r.Hurt, min(s.Budget, earlier+min(limit, n)))
		}
		// To be promoted it needs so many verified ones, if as many results as
		// the gate and the limit allow are failures.
		verified := max((gate.Success*gate.Results+99)/100, gate.Results-(limit-1))
		earlier += max(min(limit, n-verified), 0)
		if gate.Results > n {
			reached = false
			r.Warnings = append(r.Warnings, fmt.Sprintf("The gate of ring %q wants %s, and the ring has %d assets: it never promotes (ROL-2).",
				p.Rings[i].Name, results(gate.Results), n))
		}
	}
	return r
}

// String writes the radius as text for a person.
func (r Radius) String() string {
	text := fmt.Sprintf("A bad patch can hurt at most %d of %d assets before the rollout stops (budget %d, rings %v).",
		r.Hurt, r.Selected, r.Budget, strings.Trim(fmt.Sprint(r.Rings), "[]"))
	return strings.Join(append([]string{text}, r.Warnings...), " ")
}
