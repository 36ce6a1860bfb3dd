package agentsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// expectations is the syntax of expect.
const expectations = `expect ASSET JOB nothing|PROGRESS|RESULT|TooLate(STAGE)    by the asset's journal
expect ASSET JOB PATCH STATUS[ CODE][ RULE]
expect ASSET JOB starts N
expect ASSET PRODUCT VERSION|nothing                        what is installed
expect ASSET reboots|prompts|countdowns|downloads|installs|refusals|starts|resumes N
expect ASSET reboot|prompt|download|install|start between TIME and TIME       the last one
expect server ASSET JOB nothing|PROGRESS|RESULT|CANCEL[(STAGE)]
expect server ASSET JOB PATCH STATUS[ CODE][ RULE]
expect server failed installs N
expect server failures N[ of asset A][ of patch P][ with code C][ from TIME][ to TIME]
expect server missing on ASSET PATCH…|nothing
expect server silent|behind|refusing|clock off|waiting for reboot|waiting for cancel ASSET…|nobody
expect verdict PATCH on ASSET REASON…
expect preview JOB on ASSET PATCH…|nothing|not selected
expect refused TEXT                                         by the server, the step above
expect feed healthy|failing|stale
expect feed rejected N                                      records of its last batch (CAT-16)
expect latency PATCH D                                      from the vendor's publishing to the listing
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
	if err := p.answered(); err != nil {
		return err
	}
	switch {
	case rest == "settled":
		return p.w.Settle()
	case f[0] == "feed" && len(f) == 3 && f[1] == "rejected":
		return p.compare(f[2], p.rejected())
	case f[0] == "feed" && len(f) == 2:
		return p.compare(f[1], p.feed())
	case f[0] == "server" && len(f) > 2:
		return p.expectServer(strings.Join(f[1:], " "), f[1:])
	case f[0] == "latency" && len(f) == 3:
		snap, err := p.w.server.c.Snapshot(context.Background())
		if err != nil {
			return err
		}
		patch, _ := snap.Patch(catalog.PatchID(f[1]))
		latency, _ := patch.Latency()
		return p.compare(f[2], short(latency))
	case f[0] == "verdict" && len(f) > 4 && f[2] == "on":
		return p.expectVerdict(f)
	case f[0] == "preview" && len(f) > 4 && f[2] == "on":
		return p.expectPreview(f)
	}
	a := p.w.assets[job.AssetID(f[0])]
	if a == nil || len(f) < 3 {
		return fmt.Errorf("%q is not understood; write one of:\n%s", rest, expectations)
	}
	want := strings.Join(f[2:], " ")
	if _, ok := traces[f[1]]; ok {
		return p.compare(want, fmt.Sprint(len(a.trace(f[1]))))
	}
	if _, ok := traces[f[1]+"s"]; ok && len(f) == 6 && f[2] == "between" && f[4] == "and" {
		return p.expectBetween(a, f[1], f[3], f[5])
	}
	if _, product := p.w.vendor.products[catalog.ProductID(f[1])]; product {
		have := "nothing"
		if v, ok := a.installed[catalog.ProductID(f[1])]; ok {
			have = v.String()
		}
		return p.compare(want, have)
	}
	if len(f) == 4 && f[2] == "starts" {
		return p.compare(f[3], fmt.Sprint(a.starts(job.ID(f[1]))))
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
		return fmt.Errorf("expected that the step above is refused; the server did it")
	case text == "" || !strings.Contains(err.Error(), text):
		return &Unmet{Want: "refused " + text, Have: "refused " + err.Error()}
	}
	return nil
}

// last is the last thing the asset's journal says of a job: the answer to a cancel counts until something else is said.
func (a *asset) last(id job.ID) string {
	for _, r := range slices.Backward(a.watch.journal) {
		switch {
		case r.Order == "" || r.Order.Run().Job() != id:
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

// starts counts the runs of a job that began on the asset.
func (a *asset) starts(id job.ID) (n int) {
	for _, r := range a.watch.journal {
		if r.Progress == job.Started && r.Order.Run().Job() == id {
			n++
		}
	}
	return n
}

// outcome is what became of a patch by the last result: status, code, rule.
func (a *asset) outcome(id job.ID, patch catalog.PatchID) string {
	for _, r := range slices.Backward(a.watch.journal) {
		if r.Result != 0 && r.Order.Run().Job() == id {
			if s := outcomeOf(r.Patches, patch); s != "" {
				return s
			}
		}
	}
	return "nothing"
}

// outcomeOf is what a list says of a patch; empty: nothing.
func outcomeOf(list []job.PatchOutcome, patch catalog.PatchID) string {
	for _, p := range list {
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
	return ""
}

// traces tells the lines of the history by which a thing is counted.
var traces = map[string]func(text string) bool{
	"reboots":    func(s string) bool { return s == "reboots" },
	"prompts":    func(s string) bool { return strings.HasPrefix(s, "asks to reboot") },
	"countdowns": func(s string) bool { return strings.HasPrefix(s, "reboots in ") },
	"downloads":  func(s string) bool { return strings.HasPrefix(s, "downloads ") },
	"installs":   func(s string) bool { return strings.HasPrefix(s, "installed ") },
	"refusals":   func(s string) bool { return strings.HasPrefix(s, "refused a manifest") },
	"starts":     func(s string) bool { return strings.HasSuffix(s, " Started") },
	"resumes":    func(s string) bool { return strings.HasSuffix(s, " Resumed") },
}

// trace lists when something happened on the asset.
func (a *asset) trace(what string) (at []time.Time) {
	for _, l := range a.w.history {
		if l.Actor == string(a.id) && traces[what](l.Text) {
			at = append(at, l.At)
		}
	}
	return at
}

// expectBetween says within what time the last of something was.
func (p *player) expectBetween(a *asset, what, from, to string) error {
	begin, err := p.instant(from)
	if err != nil {
		return err
	}
	end, err := p.instant(to)
	if err != nil {
		return err
	}
	at := a.trace(what + "s")
	if len(at) == 0 {
		return fmt.Errorf("expected a %s between %s and %s; there was none", what, from, to)
	}
	if last := at[len(at)-1]; last.Before(begin) || last.After(end) {
		have := "+" + short(last.Sub(p.w.cfg.Start))
		return &Unmet{Want: "between " + from + " and " + to, Have: "between " + have + " and +" + short(last.Add(time.Second).Sub(p.w.cfg.Start))}
	}
	return nil
}

func (p *player) rejected() string {
	feeds, err := p.w.server.c.Feeds(context.Background(), p.w.now)
	if err != nil || len(feeds) == 0 {
		return "nothing"
	}
	return fmt.Sprint(feeds[0].Rejected)
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

// expectPreview compares the patches that a job would deploy on an asset now (JOB-22).
func (p *player) expectPreview(f []string) error {
	ctx := context.Background()
	status, err := p.w.server.c.Job(ctx, job.ID(f[1]))
	if err != nil {
		return err
	}
	plan, selected, err := p.w.server.c.Preview(ctx, status.Definition, job.AssetID(f[3]), p.w.now)
	if err != nil {
		return err
	}
	var have []string
	for _, patch := range plan.Order.Patches {
		have = append(have, string(patch.Patch))
	}
	if have == nil {
		have = []string{"nothing"}
	}
	if !selected {
		have = []string{"not selected"}
	}
	return p.compare(strings.Join(f[4:], " "), strings.Join(have, " "))
}
