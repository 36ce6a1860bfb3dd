package agentsim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// expectations is what a line can expect.
var expectations = formsOf("not understood", "expect ", []form[*player]{
	{"settled", "", func(p *player, m *match) { m.err = p.w.Settle() }},
	{"feed healthy|failing|stale", "feed ([^ ]+)", func(p *player, m *match) { p.feed(m, health) }},
	{"feed rejected N", "feed rejected (.+)", func(p *player, m *match) {
		p.feed(m, func(f controller.FeedStatus) string { return fmt.Sprint(f.Rejected) })
	}},
	{"latency PATCH D", "latency ([^ ]+) ([^ ]+)", func(p *player, m *match) {
		snap, err := p.w.server.c.Snapshot(context.Background())
		if m.err = err; err == nil {
			patch, _ := snap.Patch(catalog.PatchID(m.w[0]))
			latency, _ := patch.Latency()
			m.compare(1, short(latency))
		}
	}},
	{"verdict PATCH on ASSET REASON…", "", (*player).expectVerdict},
	{"preview JOB on ASSET PATCH…[ not run|unsure]|reboot|nothing|not selected", "preview ([^ ]+) on ([^ ]+) (.+)", (*player).expectPreview},
	{"server silent|behind|refusing|cloned|clock off|stuck|waiting for reboot|waiting for cancel ASSET…|nobody",
		"server (silent|behind|refusing|cloned|clock off|stuck|waiting for reboot|waiting for cancel) (.+)", (*player).expectAssets},
	{"server failed installs N", "server failed installs ([^ ]+)", func(p *player, m *match) {
		n, err := p.w.server.c.FailedInstalls(context.Background())
		if m.err = err; err == nil {
			m.compare(0, fmt.Sprint(n))
		}
	}},
	{"server failures COUNT[ of asset A][ of patch P][ with code C][ from TIME][ to TIME]", "", (*player).expectFailures},
	{"server missing on ASSET PATCH…|nothing", "server missing on ([^ ]+) (.+)", func(p *player, m *match) {
		verdicts, err := p.w.server.c.Missing(context.Background(), job.AssetID(m.w[0]), p.w.now)
		if m.err = err; err == nil {
			compareAll(m, 1, verdicts, func(v catalog.Verdict) string { return string(v.Patch) }, "nothing")
		}
	}},
	{"server ASSET JOB action NAME exits N|nothing", "server ([^ ]+) ([^ ]+) action ([^ ]+) exits ([^ ]+)", func(p *player, m *match) {
		row := p.row(m)
		have := "nothing"
		for _, a := range row.Actions {
			if a.Name == m.w[2] {
				have = fmt.Sprint(a.Exit)
			}
		}
		m.compare(3, have)
	}},
	{"server ASSET JOB nothing|PROGRESS|RESULT|CANCEL[(STAGE)]", "server ([^ ]+) ([^ ]+) ([^ ]+)", func(p *player, m *match) {
		m.compare(2, standing(p.row(m)))
	}},
	{"server ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]", "server ([^ ]+) ([^ ]+) ([^ ]+) (.+)", func(p *player, m *match) {
		m.compare(3, cmp.Or(outcomeOf(p.row(m).Patches, catalog.PatchID(m.w[2]), m.w[3]), "nothing"))
	}},
	{"ASSET reboots|prompts|countdowns|downloads|installs|refusals|starts|resumes N",
		"([^ ]+) (reboots|prompts|countdowns|downloads|installs|refusals|starts|resumes) (.+)", onAsset(func(a *asset, m *match) {
			m.compare(2, fmt.Sprint(len(a.trace(m.w[1]))))
		})},
	{"ASSET prompt|countdown says TEXT…", "([^ ]+) (prompt|countdown) says (.+)", onAsset((*asset).expectSays)}, // (RBT-12)
	{"ASSET reboot|prompt|download|install|start between TIME and TIME", "", onAsset((*asset).expectBetween)},
	{"ASSET PRODUCT VERSION|nothing", "", onAsset(func(a *asset, m *match) {
		if len(a.w.vendor.named(m.w[1])) == 0 {
			m.err = errOther
			return
		}
		have := "nothing"
		if v, ok := a.installed[a.product(m.w[1])]; ok {
			have = v.String()
		}
		m.compare(2, have)
	})},
	{"ASSET JOB starts N", "([^ ]+) ([^ ]+) starts (.+)", onAsset(func(a *asset, m *match) { m.compare(2, fmt.Sprint(a.starts(job.ID(m.w[1])))) })},
	{"ASSET JOB nothing|PROGRESS|RESULT|TooLate(STAGE)", "([^ ]+) ([^ ]+) ([^ ]+)", onAsset(func(a *asset, m *match) { m.compare(2, a.last(job.ID(m.w[1]))) })},
	{"ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]", "([^ ]+) ([^ ]+) ([^ ]+) (.+)", onAsset(func(a *asset, m *match) {
		m.compare(3, a.outcome(job.ID(m.w[1]), catalog.PatchID(m.w[2]), m.w[3]))
	})},
	{"job JOB waits TEXT…", "", func(p *player, m *match) { // (JOB-19)
		status, err := p.w.server.c.Job(context.Background(), job.ID(m.w[0]))
		have := "nothing"
		if status.Waits != nil {
			have = status.Waits.Text
		}
		if m.err = err; err == nil && !strings.Contains(have, m.w[1]) {
			m.err = &Unmet{Want: m.w[1], Have: have}
		}
	}},
	{"refused TEXT…", "", func(*player, *match) {}}, // what the server said to the line above: see expect
})

// onAsset is an expectation about an asset that there is.
func onAsset(do func(*asset, *match)) func(*player, *match) {
	return func(p *player, m *match) {
		if m.err = errOther; p.w.assets[job.AssetID(m.w[0])] != nil {
			m.err = nil
			do(p.w.assets[job.AssetID(m.w[0])], m)
		}
	}
}

// expect compares what is with what a line says.
func (p *player) expect(m *match) {
	if text, ok := strings.CutPrefix(m.w[0], "refused"); ok {
		m.err = p.expectRefused(strings.TrimSpace(text))
		return
	}
	if m.err = p.answered(); m.err == nil {
		m.err = expectations.say(p, p, m.w[0])
	}
	if unmet, ok := errors.AsType[*Unmet](m.err); ok {
		unmet.Why = append(unmet.Why, p.why(m.w[0])...)
	}
}

// compare wants a word to be what there is.
func (m *match) compare(i int, have string) {
	if m.err == nil && m.w[i] != have {
		m.err = &Unmet{Want: m.w[i], Have: have}
	}
}

// compareAll wants the words to be a list, or none.
func compareAll[E any](m *match, i int, list []E, word func(E) string, none string) {
	var have []string
	for _, e := range list {
		have = append(have, word(e))
	}
	m.compare(i, cmp.Or(strings.Join(have, " "), none))
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
	for _, r := range slices.Backward(a.watch.reports()) {
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
	for _, r := range a.watch.reports() {
		if r.Progress == job.Started && r.Order.Run().Job() == id {
			n++
		}
	}
	return n
}

// outcome is what became of a patch by the last result: status, code, rule.
func (a *asset) outcome(id job.ID, patch catalog.PatchID, want string) string {
	for _, r := range slices.Backward(a.watch.reports()) {
		if r.Result != 0 && r.Order.Run().Job() == id {
			if s := outcomeOf(r.Patches, patch, want); s != "" {
				return s
			}
		}
	}
	return "nothing"
}

// outcomeOf is what a list says of a patch; empty: nothing. The reason of its check is in it if more is wanted than the rest.
func outcomeOf(list []job.PatchOutcome, patch catalog.PatchID, want string) string {
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
		if p.Check != nil && len(strings.Fields(want)) > len(parts) {
			parts = append(parts, p.Check.Reason.String())
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
func (a *asset) expectBetween(m *match) {
	at := a.trace(m.w[1] + "s")
	if len(at) == 0 {
		m.err = &Unmet{Want: fmt.Sprintf("a %s between %s and %s", m.w[1], m.w[2], m.w[3])}
		return
	}
	if last := at[len(at)-1]; last.Before(m.at[0]) || last.After(m.at[1]) {
		since := last.Sub(a.w.cfg.Start)
		m.err = &Unmet{
			Want: "between " + m.w[2] + " and " + m.w[3], Have: "between +" + short(since) + " and +" + short(since+time.Second),
			Why: []string{fmt.Sprintf("the last %s was at %s", m.w[1], moment(last, a.zone))},
		}
	}
}

// expectSays says what the last prompt or countdown showed.
func (a *asset) expectSays(m *match) {
	have := "nothing"
	for _, l := range a.w.history {
		if l.Actor == string(a.id) && traces[m.w[1]+"s"](l.Text) {
			have = l.Text
		}
	}
	if !strings.Contains(have, m.w[2]) {
		m.err = &Unmet{Want: m.w[2], Have: have}
	}
}

// feed compares a word with what the server says of the vendor's feed.
func (p *player) feed(m *match, word func(controller.FeedStatus) string) {
	feeds, err := p.w.server.c.Feeds(context.Background(), p.w.now)
	if m.err = err; err == nil {
		compareAll(m, 0, feeds, word, "nothing")
	}
}

func health(f controller.FeedStatus) string {
	switch {
	case f.Stale:
		return "stale"
	case f.Healthy:
		return "healthy"
	}
	return "failing"
}

// expectVerdict compares all reasons of a verdict, in their order.
func (p *player) expectVerdict(m *match) {
	a := p.w.assets[job.AssetID(m.w[1])]
	if a == nil {
		m.err = fmt.Errorf("there is no asset %q", m.w[1])
		return
	}
	verdict, err := p.verdict(a, catalog.PatchID(m.w[0]))
	if m.err = err; err != nil {
		return
	}
	var have []string
	for _, r := range verdict.Reasons {
		if s := string(r.Code); !slices.Contains(have, s) {
			have = append(have, s)
		}
	}
	m.compare(2, strings.Join(have, " "))
}

// verdict is the catalog's on a patch, for what the asset has now.
func (p *player) verdict(a *asset, id catalog.PatchID) (catalog.Verdict, error) {
	inventory, err := a.inventory()
	if err != nil {
		return catalog.Verdict{}, err
	}
	snap, err := p.w.server.c.Snapshot(context.Background())
	if err != nil {
		return catalog.Verdict{}, err
	}
	return snap.Evaluate(id, inventory, catalog.Options{}, p.w.now), nil
}

// expectPreview compares the patches that a job would deploy on an asset now, and whether it would reboot for a pending reboot
// (JOB-22, RBT-11).
func (p *player) expectPreview(m *match) {
	ctx := context.Background()
	status, err := p.w.server.c.Job(ctx, job.ID(m.w[0]))
	if m.err = err; err != nil {
		return
	}
	plan, selected, err := p.w.server.c.Preview(ctx, status.Definition, job.AssetID(m.w[1]), p.w.now)
	switch m.err = err; {
	case err != nil:
	case !selected:
		m.compare(2, "not selected")
	default:
		var have []string
		for _, o := range plan.Order.Patches {
			have = append(have, string(o.Patch))
		}
		if plan.Reboots {
			have = append(have, "reboot")
		}
		switch x := plan.Obstacle; {
		case x.Stops():
			have = append(have, "not", "run")
		case x.Unsure:
			have = append(have, "unsure")
		}
		compareAll(m, 2, have, func(word string) string { return word }, "nothing")
	}
}
