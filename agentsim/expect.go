package agentsim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

var expectations = newGrammar("an expectation", "expect ", []pattern[*player]{
	{"settled  nothing is under way, and server and journals agree", "", func(p *player, m *match) { m.err = p.w.Settle() }},
	{"due CVE on ASSET gone|open[ by TIME]|dueSoon[ by TIME]|overdue because CAUSE|excepted  (DUE-5)", "due ([^ ]+) on ([^ ]+) (.+)", (*player).expectDue},
	{"N overdue[ because CAUSE]  vulnerabilities on assets; a cause is one of notReached, noPatch, pendingReboot, failed, cancelled, heldBack, noWindow, noJob",
		"([0-9]+) overdue(?: because ([^ ]+))?", (*player).expectOverdue},
	{"why PATCH|CVE on ASSET TEXT…  a part of what explains why it is not installed yet (RPT-3)", "why ([^ ]+) on ([^ ]+) (.+)", (*player).expectWhy},
	{"earliest PATCH|CVE on ASSET TIME|never  when its install can begin as things stand", "earliest ([^ ]+) on ([^ ]+) (.+)", (*player).expectEarliest},
	{"rollout of JOB running|stopped|done|abandoned  of its newest run (ROL-1)", "rollout of ([^ ]+) ([^ ]+)", (*player).expectRollout},
	{"at risk N of JOB  assets, as its rollout counts them (ROL-3)", "at risk ([0-9]+) of ([^ ]+)", (*player).expectAtRisk},
	{"gate of JOB TEXT…  a part of its answer and the reason (ROL-2)", "gate of ([^ ]+) (.+)", (*player).expectGate},
	{"ring RING of JOB N waiting|granted|begun|silent|verified|failed|lost|accepted|left", "ring ([^ ]+) of ([^ ]+) ([0-9]+) ([a-z]+)", (*player).expectRing},
	{"reboot slots of JOB ASSET…|nobody  who has one (ROL-7)", "reboot slots of ([^ ]+) (.+)", (*player).expectSlots},
	{"feed healthy|failing|stale", "feed ([^ ]+)", func(p *player, m *match) { p.feed(m, health) }},
	{"feed rejected N  how many records of its last batch were rejected (CAT-16)", "feed rejected (.+)", func(p *player, m *match) {
		p.feed(m, func(f controller.FeedStatus) string { return fmt.Sprint(f.Rejected) })
	}},
	{"latency PATCH D  from its publication by the vendor to its listing in the catalog", "latency ([^ ]+) ([^ ]+)", func(p *player, m *match) {
		snap, err := p.w.server.c.Snapshot(background)
		if m.err = err; err == nil {
			patch, _ := snap.Patch(catalog.PatchID(m.w[0]))
			latency, _ := patch.Latency()
			m.compare(1, short(latency))
		}
	}},
	{"verdict PATCH on ASSET REASON…", "", (*player).expectVerdict},
	{"preview JOB on ASSET PATCH…[ not run|unsure]|reboot|nothing|not selected  reboot: it reboots for a pending reboot; not run: the agent would not begin it; unsure: only the agent can decide", "preview ([^ ]+) on ([^ ]+) (.+)", (*player).expectPreview},
	{"server silent|behind|refusing|cloned|clock off|stuck|waiting for reboot|waiting for cancel ASSET…|nobody",
		"server (silent|behind|refusing|cloned|clock off|stuck|waiting for reboot|waiting for cancel) (.+)", (*player).expectAssets},
	{"server failed installs N", "server failed installs ([^ ]+)", func(p *player, m *match) {
		n, err := p.w.server.c.FailedInstalls(background)
		m.err = err
		m.compare(0, fmt.Sprint(n))
	}},
	{"server failures COUNT[ of asset A][ of patch P][ with code C][ from TIME][ to TIME]", "", (*player).expectFailures},
	{"server missing on ASSET PATCH…|nothing", "server missing on ([^ ]+) (.+)", func(p *player, m *match) {
		verdicts, err := p.w.server.c.Missing(background, job.AssetID(m.w[0]), p.w.now)
		compareAll(m, 1, verdicts, err, func(v catalog.Verdict) string { return string(v.Patch) }, "nothing")
	}},
	{"server ASSET JOB action NAME exits N|nothing  nothing: it did not run", "server ([^ ]+) ([^ ]+) action ([^ ]+) exits ([^ ]+)", onAsset(func(a *asset, m *match) {
		have := "nothing"
		for _, action := range a.row(m).Actions {
			if action.Name == m.w[2] {
				have = fmt.Sprint(action.Exit)
			}
		}
		m.compare(3, have)
	})},
	{"server ASSET JOB nothing|PROGRESS|RESULT|CANCEL[(STAGE)]", "server ([^ ]+) ([^ ]+) ([^ ]+)", onAsset(func(a *asset, m *match) { m.compare(2, shown(a.row(m))) })},
	{"server ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]", "server ([^ ]+) ([^ ]+) ([^ ]+) (.+)", onAsset(func(a *asset, m *match) {
		m.compare(3, cmp.Or(outcomeOf(a.row(m).Patches, catalog.PatchID(m.w[2]), m.w[3]), "nothing"))
	})},
	{"ASSET reboots|prompts|countdowns|downloads|installs|refusals|starts|resumes N",
		"([^ ]+) (reboots|prompts|countdowns|downloads|installs|refusals|starts|resumes) (.+)", onAsset(func(a *asset, m *match) {
			m.compare(2, fmt.Sprint(len(a.occurrences(m.w[1]))))
		})},
	{"ASSET prompt|countdown says TEXT…  the last one shown, in the words of the timeline", "([^ ]+) (prompt|countdown) says (.+)", onAsset((*asset).expectSays)}, // (RBT-12)
	{"ASSET reboot|prompt|download|install|start between TIME and TIME  when the last one happened", "", onAsset((*asset).expectBetween)},
	{"ASSET PRODUCT VERSION|nothing  what is installed", "", onAsset(func(a *asset, m *match) {
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
	{"ASSET JOB nothing|PROGRESS|RESULT|TooLate(STAGE)  by the asset's journal", "([^ ]+) ([^ ]+) ([^ ]+)", onAsset(func(a *asset, m *match) { m.compare(2, a.last(job.ID(m.w[1]))) })},
	{"ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]  REASON: of the check of its file", "([^ ]+) ([^ ]+) ([^ ]+) (.+)", onAsset(func(a *asset, m *match) {
		m.compare(3, a.outcome(job.ID(m.w[1]), catalog.PatchID(m.w[2]), m.w[3]))
	})},
	{"job JOB waits TEXT…  why a job that runs after another has not started", "", func(p *player, m *match) { // (JOB-19)
		status, err := p.w.server.c.Job(background, job.ID(m.w[0]))
		have := "nothing"
		if status.Waits != nil {
			have = status.Waits.Text
		}
		m.err = err
		m.contains(1, have)
	}},
	{"refused TEXT…  the server refused the line above", "", func(*player, *match) {}}, // see expect
})

func onAsset(do func(*asset, *match)) func(*player, *match) {
	return func(p *player, m *match) {
		a := p.w.assets[job.AssetID(m.w[0])]
		if a == nil {
			m.err = errOther
			return
		}
		do(a, m)
	}
}

func (p *player) expect(m *match) {
	if text, ok := strings.CutPrefix(m.w[0], "refused"); ok {
		m.err = p.expectRefused(strings.TrimSpace(text))
		return
	}
	if m.err = p.answered(); m.err == nil {
		m.err = expectations.apply(p, p, m.w[0])
	}
	if unmet, ok := errors.AsType[*Unmet](m.err); ok {
		unmet.Why = append(unmet.Why, p.why(m.w[0])...)
	}
}

func (m *match) compare(i int, have string) {
	if m.err == nil && m.w[i] != have {
		m.err = &Unmet{Want: m.w[i], Have: have}
	}
}

// compareAll fails unless the words are a list; none stands for an empty one.
func compareAll[E any](m *match, i int, list []E, err error, word func(E) string, none string) {
	m.err = err
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
		return errors.New("expected the server to refuse the line above; the server did it")
	case text == "" || !strings.Contains(err.Error(), text):
		return &Unmet{Want: "refused " + text, Have: "refused " + err.Error()}
	}
	return nil
}

// last returns the last thing that the asset's journal says of a job. The
// answer to a cancel counts until something else is reported.
func (a *asset) last(id job.ID) string {
	for _, r := range slices.Backward(a.observer.journal) {
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

func (a *asset) starts(id job.ID) (n int) {
	for _, r := range a.observer.journal {
		if r.Progress == job.Started && r.Order.Run().Job() == id {
			n++
		}
	}
	return n
}

func (a *asset) outcome(id job.ID, patch catalog.PatchID, want string) string {
	for _, r := range slices.Backward(a.observer.journal) {
		if r.Result != 0 && r.Order.Run().Job() == id {
			if s := outcomeOf(r.Patches, patch, want); s != "" {
				return s
			}
		}
	}
	return "nothing"
}

// outcomeOf returns the status, code and rule of a patch; empty: the list does
// not have it. If more words are wanted, the reason of its check is added.
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

// occurrences returns the lines of the history that say that something happened
// on an asset, by how they begin or end.
func (a *asset) occurrences(what string) (list []Line) {
	begins := map[string]string{
		"reboots": "reboots", "prompts": "asks to reboot", "countdowns": "reboots in ", "downloads": "downloads ", "installs": "installed ",
		"refusals": "refused a manifest",
	}[what]
	ends := map[string]string{"reboots": "reboots", "starts": " Started", "resumes": " Resumed"}[what]
	for _, l := range a.w.history {
		if l.Actor == string(a.id) && strings.HasPrefix(l.Text, begins) && strings.HasSuffix(l.Text, ends) {
			list = append(list, l)
		}
	}
	return list
}

func (a *asset) expectBetween(m *match) {
	list := a.occurrences(m.w[1] + "s")
	if len(list) == 0 {
		m.err = &Unmet{Want: fmt.Sprintf("a %s between %s and %s", m.w[1], m.w[2], m.w[3])}
		return
	}
	if last := list[len(list)-1].At; last.Before(m.time(2)) || last.After(m.time(3)) {
		since := last.Sub(a.w.cfg.Start)
		m.err = &Unmet{
			Want: "between " + m.w[2] + " and " + m.w[3], Have: "between +" + short(since) + " and +" + short(since+time.Second),
			Why: []string{fmt.Sprintf("the last %s was at %s", m.w[1], moment(last, a.zone))},
		}
	}
}

func (a *asset) expectSays(m *match) {
	have := "nothing"
	if list := a.occurrences(m.w[1] + "s"); len(list) > 0 {
		have = list[len(list)-1].Text
	}
	m.contains(2, have)
}

func (m *match) contains(i int, have string) {
	if m.err == nil && !strings.Contains(have, m.w[i]) {
		m.err = &Unmet{Want: m.w[i], Have: have}
	}
}

func (p *player) feed(m *match, word func(controller.FeedStatus) string) {
	feeds, err := p.w.server.c.Feeds(background, p.w.now)
	compareAll(m, 0, feeds, err, word, "nothing")
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

func (p *player) expectVerdict(m *match) {
	a := p.w.assets[job.AssetID(m.w[1])]
	if a == nil {
		m.err = fmt.Errorf("there is no asset %q", m.w[1])
		return
	}
	var have []string
	for _, r := range a.verdict(catalog.PatchID(m.w[0])).Reasons {
		if s := string(r.Code); !slices.Contains(have, s) {
			have = append(have, s)
		}
	}
	m.compare(2, strings.Join(have, " "))
}

// verdict returns the catalog's verdict on a patch, for what the asset has now.
func (a *asset) verdict(id catalog.PatchID) catalog.Verdict {
	snap, err := a.w.server.c.Snapshot(background)
	if err != nil {
		a.w.fail(err)
		return catalog.Verdict{}
	}
	return snap.Evaluate(id, a.inventory(), catalog.Options{}, a.w.now)
}

// expectPreview compares the patches that a job would deploy on an asset now,
// and whether it would reboot for a pending reboot (JOB-22, RBT-11).
func (p *player) expectPreview(m *match) {
	status, err := p.w.server.c.Job(background, job.ID(m.w[0]))
	if m.err = err; err != nil {
		return
	}
	plan, selected, err := p.w.server.c.Preview(background, status.Definition, job.AssetID(m.w[1]), p.w.now)
	if m.err = err; !selected {
		m.compare(2, "not selected")
		return
	}
	var have []string
	for _, o := range plan.Order.Patches {
		have = append(have, string(o.Patch))
	}
	if plan.Reboots {
		have = append(have, "reboot")
	}
	switch x := plan.Obstacle; {
	case x.Stops():
		have = append(have, "not run")
	case x.Unsure:
		have = append(have, "unsure")
	}
	m.compare(2, cmp.Or(strings.Join(have, " "), "nothing"))
}

func (p *player) expectAssets(m *match) {
	c := p.w.server.c
	of := func(o controller.Open) string { return string(o.Asset) }
	switch m.w[0] {
	case "waiting for reboot":
		rows, err := c.PendingReboots(background, controller.MaxPage)
		once := slices.CompactFunc(rows, func(a, b controller.Open) bool { return a.Asset == b.Asset })
		compareAll(m, 1, once, err, of, "nobody")
	case "waiting for cancel":
		rows, err := c.PendingCancels(background, controller.MaxPage)
		compareAll(m, 1, rows, err, of, "nobody")
	case "stuck":
		rows, err := c.Stuck(background, controller.MaxPage, p.w.now)
		compareAll(m, 1, rows, err, func(o controller.StuckOrder) string { return string(o.Asset) }, "nobody")
	default:
		rows, err := c.Assets(background, "", controller.MaxPage, p.w.now)
		others := func(s controller.AssetStatus) bool {
			return !map[string]bool{"silent": s.Silent, "behind": s.Behind, "refusing": s.Refused != nil, "cloned": s.Cloned != nil, "clock off": s.OffsetTooFar}[m.w[0]]
		}
		compareAll(m, 1, slices.DeleteFunc(rows, others), err, func(s controller.AssetStatus) string { return string(s.ID) }, "nobody")
	}
}

// row returns what the server shows of the job of a line on the asset of the
// same name.
func (a *asset) row(m *match) controller.RunAsset {
	row, _ := a.w.server.row(a.id, job.ID(m.w[1]))
	return row
}

// shown returns the word for what the server shows of a run on an asset: the
// answer to a cancel, or else the result, or else the progress. A cancel that
// the server itself knew to be too late changes nothing.
func shown(row controller.RunAsset) string {
	switch {
	case row.TooLate != 0 && row.Cancel == ledger.CancelTooLate:
		return fmt.Sprintf("%s(%s)", row.Cancel, row.TooLate)
	case row.Cancel != 0 && row.Cancel != ledger.CancelTooLate:
		return row.Cancel.String()
	case row.Result != 0:
		return row.Result.String()
	case row.Progress != 0:
		return row.Progress.String()
	}
	return "nothing"
}

// expectFailures compares the number of failed installs in a list (RPT-2).
func (p *player) expectFailures(m *match) {
	filter := controller.FailureFilter{Asset: job.AssetID(m.w[1]), Patch: catalog.PatchID(m.w[2]), From: m.time(4), To: m.time(5), Limit: controller.MaxPage}
	filter.Code = value(m, 3, job.ParseCode)
	n, err := p.w.server.failures(filter)
	m.err = err
	m.compare(0, fmt.Sprint(n))
}
