package manifest

import "fmt"

// Validate says everything that is wrong with the call: its bounds, and reports that are not numbered without gaps (MAN-6).
// The error is a *job.Invalid. What the reports and the inventory say is for their receiver to judge.
func (c CheckIn) Validate() error {
	p := problems{what: "check-in"}
	p.id("asset", string(c.Asset))
	if c.At.IsZero() {
		p.add("at", "", "is missing; send the agent's clock")
	}
	p.word("boot", c.Boot, MaxWord)
	p.word("zone", c.Zone, MaxWord)
	p.word("digest", c.Digest, MaxWord)
	if len(c.Reports) > MaxReports {
		p.add("reports", fmt.Sprint(len(c.Reports)), fmt.Sprintf("are more than %d; send the oldest and call again", MaxReports))
	}
	for i, r := range c.Reports {
		field := fmt.Sprintf("reports[%d].sequence", i)
		switch {
		case r.Sequence == 0:
			p.add(field, "0", "is not a sequence number: they begin at 1")
		case i > 0 && r.Sequence != c.Reports[i-1].Sequence+1:
			p.add(field, fmt.Sprint(r.Sequence), fmt.Sprintf("does not follow %d", c.Reports[i-1].Sequence))
		}
	}
	if c.Inventory != nil && len(c.Inventory.Installed) > MaxInstalled {
		p.add("inventory.installed", fmt.Sprint(len(c.Inventory.Installed)), fmt.Sprintf("are more than %d", MaxInstalled))
	}
	return p.err()
}
