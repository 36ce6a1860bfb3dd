package agentsim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// lines are all lines except those that begin with an asset. An init function
// fills the table, because try refers to it.
var lines *grammar[*player]

func init() {
	lines = newGrammar("a line of the language", "", []pattern[*player]{
		{"clock INSTANT[, check-in every D][, sync every D][, lead D][, store seed N]", "clock (.+)", (*player).clock},
		{"patch ID: PRODUCT VERSION[, OPTION]…", "patch ([^:]*): ?([^ ]+) ([^,]+)(?:,(.*))?", (*player).patch},
		{"line PRODUCT PREFIX ends TIME[ extended until TIME]", "", (*player).line},
		{"customer supplies PATCH  the file of a patch with the option vendor", "", (*player).customer},
		{"asset ID[ in ZONE][ on PLATFORM[/ARCHITECTURE]][ tagged TAG…][ has PRODUCT VERSION[ on hold][, …]]",
			"asset ([^ ]+)(?: in ([^ ]+))?(?: on ([^ /]+)(?:/([^ ]+))?)?(?: tagged (.+?))?(?: has(?: (.*))?)?", (*player).asset},
		{"job ID: CLAUSE[, CLAUSE]…", "(job) ([^:]*):(.*)", (*player).save},
		{"edit ID: CLAUSE[, CLAUSE]…  clauses that are left out keep their values", "(edit) ([^:]*):(.*)", (*player).save},
		{policySyntax, "policy ([^: ]+):(.*)", (*player).policy},
		{"enable|disable|delete|cancel|run JOB", "", asks(func(c *controller.Controller, m *match, now time.Time) (err error) {
			switch id := job.ID(m.w[1]); m.w[0] {
			case "enable":
				_, err = c.EnableJob(background, id, now)
			case "disable":
				err = c.DisableJob(background, id, now)
			case "delete":
				err = c.DeleteJob(background, id, false, now)
			case "run":
				_, err = c.RunJob(background, id, now)
			case "cancel":
				_, err = c.CancelJob(background, id, now)
			}
			return err
		})},
		{"delete JOB by force  even if enabled jobs run after it", "", asks(func(c *controller.Controller, m *match, now time.Time) error {
			return c.DeleteJob(background, job.ID(m.w[0]), true, now) // (JOB-19)
		})},
		{"retry PATCH of JOB on ASSET  after the job gave the patch up there", "", asks(func(c *controller.Controller, m *match, now time.Time) error {
			return c.RetryPatch(background, job.ID(m.w[1]), job.AssetID(m.w[2]), catalog.PatchID(m.w[0]), now) // (JOB-27)
		})},
		{"remove ASSET  its calls get a last, empty manifest; once it holds that, they are refused; what has begun goes on", "", (*player).remove},
		{"settle ASSET  after it was cloned: only one computer calls as the asset again", "", asks(func(c *controller.Controller, m *match, now time.Time) error {
			return c.SettleClone(background, job.AssetID(m.w[0]), now) // (MAN-9)
		})},
		{"tag ASSET[ TAG…]  replaces all its tags", "", asks(func(c *controller.Controller, m *match, now time.Time) error {
			return c.TagAsset(background, job.AssetID(m.w[0]), strings.Fields(m.w[1]), now) // (JOB-7)
		})},
		{"reboot pending on ASSET  its system asks for a reboot, whoever caused it", "", func(p *player, m *match) {
			a := p.w.assets[job.AssetID(m.w[0])]
			if a == nil {
				m.err = fmt.Errorf("there is no asset %s", m.w[0])
				return
			}
			a.mark = true
			a.log("its system asks for a reboot")
		}},
		{"vulnerability CVE: FACT[, FACT]…  what the vendor's feed says of it; from then on, the feed knows everything that is exploited (CAT-18)", "vulnerability ([^:]*):(.*)", (*player).vulnerability},
		{"deadlines TABLE…  bod-26-04, pci-dss or cyber-essentials; or: none (DUE-1)", "", (*player).deadlines},
		{"calendar NAME: CLAUSE[, CLAUSE]…  the server has it from then on, and starts again (CAL-1)", "calendar ([^: ]+):(.*)", (*player).calendar},
		{"baseline NAME: CLAUSE[, CLAUSE]…  the same (APR-1)", "baseline ([^: ]+):(.*)", (*player).baseline},
		{"stop|resume|abandon rollout of JOB  (ROL-4)", "(stop|resume|abandon) rollout of ([^ ]+)", (*player).steer},
		{"expedite rollout of JOB to RING  (ROL-6)", "(expedite) rollout of ([^ ]+) to ([^ ]+)", (*player).steer},
		{"release reboot slot of ASSET in JOB  (ROL-7)", "release reboot slot of ([^ ]+) in ([^ ]+)", (*player).freeSlot},
		{"expose ASSET yes|no|unknown  whether it can be reached from the public network (DUE-4)", "", expose},
		{"except CVE[ on ASSET] until TIME  ends early if a patch appears, exploitation becomes known or the exposure changes (DUE-6)", "", except},
		{"sync  syncs the catalog at once", "", func(p *player, _ *match) { p.w.server.sync() }},
		{"server goes down", "", func(p *player, _ *match) {
			p.w.server.up = false
			p.w.log("server", "goes down")
		}},
		{"server comes up", "", (*player).startServer},
		{"server crashes", "", (*player).startServer},
		{"server is put back to TIME  it is restored from a backup made at that time", "", func(p *player, m *match) {
			if m.err = p.w.server.restore(p.backups[m.time(0)]); m.err == nil {
				p.w.log("server", "%s", strings.TrimPrefix(m.text, "server "))
			}
		}},
		{"server crashes before|after commit N  the Nth commit from now that writes something; then it starts again, and administrators repeat what they did", "", func(p *player, m *match) {
			m.err = p.w.server.store.crashAt(m.w[0] == "after", m.number(1))
		}},
		{"server rotates its manifest key[ and root keys]  with a new version of the trust document; it starts again", "server rotates its manifest key( and root keys)?", func(p *player, m *match) { // (MAN-13)
			p.w.server.rotate(m.w[0] != "")
			p.startServer(m)
		}},
		{"server refuses|answers ASSET  the asset's calls; a refusal is authenticated", "", func(p *player, m *match) { // (MAN-7)
			p.w.server.refusing[job.AssetID(m.w[1])] = m.w[0] == "refuses"
			p.w.log("server", "%s the calls of %s", m.w[0], m.w[1])
		}},
		{"server is under POLICY…  it applies to orders made from then on; or: no policy", "", func(p *player, m *match) {
			p.w.server.policy = value(m, 0, p.named)
			p.startServer(m)
		}},
		{"vendor feed fails|recovers", "", func(p *player, m *match) {
			p.w.vendor.failing = map[string]string{"fails": "connection refused"}[m.w[0]]
			p.w.log("vendor", "feed %s", m.w[0])
		}},
		{"vendor marks PATCH end of life[ at TIME]", "", ofPatch(0, func(m *match, patch *catalog.Patch, _ *content) {
			if patch.EOLMarked = true; m.w[1] != "" {
				patch.EOL = m.time(1)
			}
		})},
		{"vendor withdraws PATCH", "", ofPatch(0, func(_ *match, patch *catalog.Patch, _ *content) { patch.Withdrawn = true })},
		{"vendor removes PATCH", "", ofPatch(0, func(_ *match, patch *catalog.Patch, _ *content) { patch.ID = "" })},
		{"vendor takes down PATCH", "", ofPatch(0, func(_ *match, _ *catalog.Patch, served *content) { served.gone = true })},
		{"vendor restores PATCH", "", ofPatch(0, func(m *match, patch *catalog.Patch, _ *content) {
			m.p.w.vendor.serve(patch.Artifacts[0], string(patch.Product), patch.Version)
		})},
		{"vendor strips PATCH  its signature is gone", "", ofPatch(0, func(_ *match, _ *catalog.Patch, served *content) {
			served.signature = integrity.Signature{Status: integrity.Absent}
		})},
		{"vendor damages PATCH  its bytes change", "", ofPatch(0, func(_ *match, patch *catalog.Patch, served *content) {
			served.digests = digestsOf(string(patch.Product), patch.Version, " damaged")
			if served.signature.Status == integrity.Valid {
				served.signature = integrity.Signature{Status: integrity.Bad, Detail: "the bytes were changed"}
			}
		})},
		{"vendor signs PATCH by NAME", "", ofPatch(0, func(m *match, _ *catalog.Patch, served *content) {
			served.signature = integrity.Signature{Status: integrity.Valid, Signer: m.w[1]}
		})},
		{"vendor signs PATCH unreadably  in a format that no verifier reads", "", ofPatch(0, func(_ *match, _ *catalog.Patch, served *content) {
			served.signature = integrity.Signature{Status: integrity.Unsupported, Detail: "a format that nobody here reads"}
		})},
		{"vendor serves VERSION for PATCH", "", ofPatch(1, func(m *match, patch *catalog.Patch, _ *content) {
			parse := func(text string) (version.Version, error) { return version.Parse(patch.Version.Scheme(), text) }
			m.p.w.vendor.serve(patch.Artifacts[0], string(patch.Product), value(m, 0, parse))
		})},
		{"try LINE…  skipped if it cannot be done now: the server refuses, an asset is off, a patch is gone", "", (*player).try},
		{"expect …", "expect(?: (.*))?", (*player).expect},
	})
}

// asks handles a line that the server may refuse. A refusal is kept for the
// next line to expect.
func asks(do func(c *controller.Controller, m *match, now time.Time) error) func(*player, *match) {
	return func(p *player, m *match) {
		if m.err = p.answered(); m.err == nil {
			p.refused = p.w.server.act(m.text, func(c *controller.Controller) error { return do(c, m, p.w.now) })
		}
	}
}

func (p *player) remove(m *match) {
	id := job.AssetID(m.w[0])
	asks(func(c *controller.Controller, m *match, now time.Time) error {
		return c.RemoveAsset(background, id, now)
	})(p, m)
	if _, err := p.w.server.c.Asset(background, id, p.w.now); err == nil {
		return
	}
	for _, a := range p.w.assets {
		if a.as == id {
			p.w.server.removed[a.id] = true
		}
	}
}

// answered returns an error if the last act was refused and no line expected it.
func (p *player) answered() error {
	if p.refused == nil {
		return nil
	}
	err := p.refused
	p.refused = nil
	return fmt.Errorf("the server refused, and no line expects it: %w", err)
}

func (p *player) instant(s string) (time.Time, error) { return parseWhen(s, p.w.cfg.Start) }

// listed syncs the server at once, before the clock runs.
func (p *player) listed() {
	if p.w.now.Equal(p.w.cfg.Start) {
		p.w.server.sync()
	}
}

func (p *player) line(m *match) {
	ids := p.w.vendor.named(m.w[0])
	if len(ids) == 0 {
		m.err = fmt.Errorf("no patch of %s is listed yet; publish one above", m.w[0])
		return
	}
	for _, id := range ids {
		product := p.w.vendor.products[id]
		others := slices.DeleteFunc(slices.Clone(product.Lines), func(l catalog.Line) bool { return l.Prefix == m.w[1] })
		product.Lines = append(others, catalog.Line{Prefix: m.w[1], EOL: m.time(2), Extended: m.time(3)})
		p.w.vendor.products[id] = product
	}
	p.w.log("vendor", "%s line %s ends at %s", m.w[0], m.w[1], m.time(2).Format(time.RFC3339))
	p.listed()
}

// customer supplies the file of a patch that no vendor serves (CAT-5).
func (p *player) customer(m *match) {
	patch, known := p.w.vendor.patches[catalog.PatchID(m.w[0])]
	if !known || patch.Artifacts[0].Availability != catalog.Vendor {
		m.err = fmt.Errorf("no patch %s is listed with the option vendor", m.w[0])
		return
	}
	artifact := &patch.Artifacts[0]
	artifact.CustomURL = fmt.Sprintf("https://files.customer.example/%s", patch.ID)
	p.w.vendor.serve(*artifact, string(patch.Product), patch.Version)
	p.w.log("server", "customer supplies %s", m.w[0])
	p.listed()
}

func (p *player) asset(m *match) {
	zone, has := m.w[1], m.w[5]
	at, err := parsePlace(m.w[2], m.w[3])
	if err == nil && zone != "" {
		err = schedule.ValidZone(zone)
	}
	if m.err = err; err != nil {
		return
	}
	a, err := p.w.newAsset(job.AssetID(m.w[0]), strings.Fields(m.w[4]), at)
	if err == nil {
		err = p.w.server.enrol(a)
	}
	if m.err = err; err != nil {
		return
	}
	a.zone, p.w.assets[a.id] = zone, a
	a.after(0, nil, func() { a.step(agent.Started{}) })
	for clause := range strings.SplitSeq(has, ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(clause), " ")
		if name == "" {
			break
		}
		text, held := strings.CutSuffix(text, " on hold")
		product, v, err := p.w.vendor.parseVersion(name, at, text)
		if m.err = err; err != nil {
			return
		}
		a.installed[product], a.held[product] = v, held
	}
}

// startServer starts the server, also while it is up.
func (p *player) startServer(m *match) {
	if m.err = p.w.server.start(); m.err == nil {
		p.w.log("server", "%s", strings.TrimPrefix(m.text, "server "))
	}
}

// notNow is the error of a line that cannot be done now. A line that is tried
// may have it.
type notNow struct{ error }

func notNowf(format string, args ...any) error { return notNow{fmt.Errorf(format, args...)} }

// try plays a line if that can be done now.
func (p *player) try(m *match) {
	if m.err = p.answered(); m.err != nil {
		return
	}
	err := p.do(m.w[0])
	p.refused = nil
	_, not := errors.AsType[notNow](err)
	_, unknown := errors.AsType[*controller.NotFoundError](err)
	if not || unknown || unanswered(err) {
		p.w.log("try", "%s: %v", m.w[0], err)
		return
	}
	m.err = err
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxTimes {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, maxTimes)
	}
	return n, nil
}

func words[T ~string](s string) []T {
	var list []T
	for _, w := range strings.Fields(s) {
		list = append(list, T(w))
	}
	return slices.Clip(list)
}
