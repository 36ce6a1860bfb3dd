package agentsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// expectations is the syntax of expect.
const expectations = `expect ASSET JOB nothing|PROGRESS|RESULT|TooLate(STAGE)
expect ASSET JOB PATCH STATUS[ CODE][ RULE]
expect ASSET PRODUCT VERSION|nothing
expect ASSET reboots|prompts|downloads|installs N
expect server ASSET JOB nothing|PROGRESS|RESULT|CANCEL[(STAGE)]
expect server failed installs N
expect verdict PATCH on ASSET REASON…
expect refused TEXT
expect feed healthy|failing|stale
expect settled`

// expect compares what is with what a line says.
func (p *player) expect(rest string) error {
	f := strings.Fields(rest)
	if len(f) == 0 {
		return errors.New("say what is expected:\n" + expectations)
	}
	if f[0] == "refused" {
		return p.expectRefused(strings.TrimSpace(strings.TrimPrefix(rest, "refused")))
	}
	if err := p.settled(); err != nil {
		return err
	}
	switch {
	case rest == "settled":
		return p.w.Settle()
	case f[0] == "feed" && len(f) == 2:
		return p.compare(f[1], p.feed())
	case rest == "server failed installs "+f[len(f)-1] && len(f) == 4:
		n, err := p.w.server.c.FailedInstalls(context.Background())
		if err != nil {
			return err
		}
		return p.compare(f[3], fmt.Sprint(n))
	case f[0] == "server" && len(f) == 4:
		return p.compare(f[3], p.server(job.AssetID(f[1]), job.ID(f[2])))
	case f[0] == "verdict" && len(f) > 4 && f[2] == "on":
		return p.expectVerdict(f)
	}
	a := p.w.assets[job.AssetID(f[0])]
	if a == nil || len(f) < 3 {
		return fmt.Errorf("%q is not understood; write one of:\n%s", rest, expectations)
	}
	want := strings.Join(f[2:], " ")
	switch f[1] {
	case "reboots", "prompts", "downloads", "installs":
		return p.compare(want, fmt.Sprint(a.count(f[1])))
	}
	if _, product := p.w.vendor.products[catalog.ProductID(f[1])]; product {
		have := "nothing"
		if v, ok := a.installed[catalog.ProductID(f[1])]; ok {
			have = v.String()
		}
		return p.compare(want, have)
	}
	if len(f) > 3 {
		return p.compare(strings.Join(f[3:], " "), a.outcome(job.ID(f[1]), catalog.PatchID(f[2])))
	}
	return p.compare(want, a.last(job.ID(f[1])))
}

func (p *player) compare(want, have string) error {
	if want != have {
		return &Unmet{Want: want, Have: have}
	}
	return nil
}

func (p *player) expectRefused(text string) error {
	err := p.refused
	p.refused = nil
	switch {
	case err == nil:
		return &Unmet{Want: "refused " + text, Have: "that it was done"}
	case !strings.Contains(err.Error(), text):
		return &Unmet{Want: text, Have: err.Error()}
	}
	return nil
}

// last is the last thing the asset's journal says of a job: the answer to a cancel counts until something else is said.
func (a *asset) last(id job.ID) string {
	for i := len(a.journal) - 1; i >= 0; i-- {
		r := a.journal[i]
		switch {
		case r.Order == "" || jobOf(r.Order) != id:
		case r.Result != 0:
			return r.Result.String()
		case r.Progress != 0:
			return r.Progress.String()
		case r.TooLate != 0:
			return fmt.Sprintf("TooLate(%s)", r.TooLate)
		}
	}
	return "nothing"
}

// outcome is what became of a patch by the last result: status, code, rule.
func (a *asset) outcome(id job.ID, patch catalog.PatchID) string {
	for i := len(a.journal) - 1; i >= 0; i-- {
		r := a.journal[i]
		if r.Result == 0 || jobOf(r.Order) != id {
			continue
		}
		for _, p := range r.Patches {
			if p.Patch != patch {
				continue
			}
			parts := []string{p.Status.String()}
			if p.Code != 0 {
				parts = append(parts, p.Code.String())
			}
			if p.Rule != "" {
				parts = append(parts, p.Rule)
			}
			return strings.Join(parts, " ")
		}
	}
	return "nothing"
}

// count counts lines of the history.
func (a *asset) count(what string) int {
	begin := map[string]string{"reboots": "reboots", "prompts": "asks to reboot", "downloads": "downloads ", "installs": "installed "}[what]
	n := 0
	for _, l := range a.w.history {
		if l.Actor == string(a.id) && strings.HasPrefix(l.Text, begin) && !strings.HasPrefix(l.Text, "reboots in ") {
			n++
		}
	}
	return n
}

// server is what the server shows of the latest run of a job on an asset: the answer to a cancel, else the result, else
// the progress.
func (p *player) server(asset job.AssetID, id job.ID) string {
	row, ok := p.w.server.row(asset, id)
	switch {
	case !ok:
		return "nothing"
	case row.TooLate != 0:
		return fmt.Sprintf("%s(%s)", row.Cancel, row.TooLate)
	case row.Cancel != 0:
		return row.Cancel.String()
	case row.Result != 0:
		return row.Result.String()
	case row.Progress != 0:
		return row.Progress.String()
	}
	return "nothing"
}

func (p *player) feed() string {
	feeds, err := p.w.server.c.Feeds(context.Background(), p.w.now)
	switch {
	case err != nil:
		return err.Error()
	case len(feeds) == 0:
		return "nothing"
	case feeds[0].Stale:
		return "stale"
	case feeds[0].Healthy:
		return "healthy"
	}
	return "failing"
}

// expectVerdict compares all reasons of a verdict, in their order.
func (p *player) expectVerdict(f []string) error {
	a := p.w.assets[job.AssetID(f[3])]
	if a == nil {
		return fmt.Errorf("there is no asset %q", f[3])
	}
	inventory, err := a.inventory()
	if err != nil {
		return err
	}
	snap, err := p.w.server.c.Snapshot(context.Background())
	if err != nil {
		return err
	}
	verdict := snap.Evaluate(catalog.PatchID(f[1]), inventory, catalog.Options{}, p.w.now)
	var have []string
	for _, r := range verdict.Reasons {
		if s := r.Code.String(); !slices.Contains(have, s) {
			have = append(have, s)
		}
	}
	return p.compare(strings.Join(f[4:], " "), strings.Join(have, " "))
}
