package agentsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// verb is one kind of line.
type verb struct {
	name string
	do   func(p *player, rest string) error
}

// verbs is filled in by init, because the lines refer to the table in their errors.
var verbs []verb

func init() {
	verbs = []verb{
		{"clock", (*player).clock},
		{"patch", (*player).patch},
		{"line", (*player).line},
		{"customer", (*player).customer},
		{"asset", (*player).asset},
		{"job", (*player).job},
		{"edit", (*player).edit},
		{"policy", (*player).policy},
		{"enable", admin("enable", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			_, err := p.w.server.c.EnableJob(ctx, id, now)
			return err
		})},
		{"disable", admin("disable", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			return p.w.server.c.DisableJob(ctx, id, now)
		})},
		{"delete", admin("delete", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			return p.w.server.c.DeleteJob(ctx, id, now)
		})},
		{"cancel", admin("cancel", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			_, err := p.w.server.c.CancelJob(ctx, id, now)
			return err
		})},
		{"tag", (*player).tag},
		{"sync", func(p *player, _ string) error { p.w.server.sync(); return nil }},
		{"vendor", func(p *player, rest string) error { return p.w.vendor.does(p, rest) }},
		{"server", (*player).serverDoes},
		{"try", (*player).try},
		{"expect", (*player).expect},
	}
}

func verbNames() string {
	names := make([]string, len(verbs))
	for i, v := range verbs {
		names[i] = v.name
	}
	return strings.Join(names, ", ")
}

// admin is an act that the server may refuse; a refusal is kept for the next line to expect.
func admin(name string, do func(p *player, ctx context.Context, id job.ID, now time.Time) error) func(p *player, rest string) error {
	return func(p *player, rest string) error {
		if err := p.answered(); err != nil {
			return err
		}
		if rest == "" || strings.Contains(rest, " ") {
			return fmt.Errorf("write: %s JOB", name)
		}
		p.refused = p.w.server.act(name+" "+rest, func(ctx context.Context, now time.Time) error { return do(p, ctx, job.ID(rest), now) })
		return nil
	}
}

// answered refuses to go on when a refusal was not expected.
func (p *player) answered() error {
	if p.refused == nil {
		return nil
	}
	err := p.refused
	p.refused = nil
	return fmt.Errorf("the server refused, and no line expects it: %w", err)
}

// instant reads a time in a line: +3h15m from the start, or 2026-03-02T00:00:00Z.
func (p *player) instant(s string) (time.Time, error) {
	t, err := parseWhen(s)
	if err != nil {
		return time.Time{}, err
	}
	return t.instant(p.w.cfg.Start, p.w.now), nil
}

const patchSyntax = `patch ID: PRODUCT VERSION[, OPTION]…, an option is one of
pinned | latest only | repository | vendor | signed by NAME | no checksum | checksum sha256|sha384|sha512|sha1|md5 | needs reboot |
requires PATCH[ and a reboot] | supersedes PATCH | fixes CVE… | severity low|medium|high|critical | transaction NAME`

func (p *player) patch(rest string) error {
	id, spec, ok := strings.Cut(rest, ":")
	parts := clauses(spec)
	product, text, ok2 := strings.Cut(parts[0], " ")
	if !ok || !ok2 {
		return errors.New("write: " + patchSyntax)
	}
	v, err := p.w.vendor.parseVersion(product, text)
	if err != nil {
		return err
	}
	patch := catalog.Patch{ID: catalog.PatchID(id), Product: catalog.ProductID(product), Version: v}
	how := offered{availability: catalog.Pinned, checksum: integrity.SHA256}
	for _, clause := range parts[1:] {
		word, value, _ := strings.Cut(clause, " ")
		switch {
		case clause == "pinned":
		case clause == "latest only":
			how.availability = catalog.LatestOnly
		case clause == "repository":
			how.availability = catalog.Repository
		case clause == "vendor":
			how.availability = catalog.Vendor
		case clause == "no checksum":
			how.checksum = 0
		case word == "checksum":
			how.checksum, err = integrity.ParseAlgorithm(value)
		case clause == "needs reboot":
			patch.Reboot = true
		case strings.HasPrefix(clause, "signed by "):
			how.signer = strings.TrimPrefix(clause, "signed by ")
		case word == "requires" && value != "":
			other, between := strings.CutSuffix(value, " and a reboot")
			patch.Requires = append(patch.Requires, catalog.Requirement{Patch: catalog.PatchID(other), Reboot: between})
		case word == "supersedes" && value != "":
			patch.Supersedes = append(patch.Supersedes, catalog.PatchID(value))
		case word == "fixes" && value != "":
			patch.CVEs = strings.Fields(value)
		case word == "severity":
			patch.Severity, err = catalog.ParseSeverity(value)
		case word == "transaction" && value != "":
			patch.Transaction = value
		default:
			err = fmt.Errorf("%q is no option of a patch; write: %s", clause, patchSyntax)
		}
		if err != nil {
			return err
		}
	}
	p.w.vendor.publish(patch, how)
	p.w.log("vendor", "publishes %s: %s %s", id, product, v)
	p.listed()
	return nil
}

// listed lets the server see at once what is published before the clock runs.
func (p *player) listed() {
	if p.w.now.Equal(p.w.cfg.Start) {
		p.w.server.sync()
	}
}

func (p *player) line(rest string) error {
	f := strings.Fields(rest)
	if len(f) != 4 && (len(f) != 7 || f[4] != "extended" || f[5] != "until") || f[2] != "ends" {
		return errors.New("write: line chrome 120 ends +10d, or: line chrome 120 ends +10d extended until +100d")
	}
	eol, err := p.instant(f[3])
	if err != nil {
		return err
	}
	var extended time.Time
	if len(f) == 7 {
		if extended, err = p.instant(f[6]); err != nil {
			return err
		}
	}
	if _, ok := p.w.vendor.products[catalog.ProductID(f[0])]; !ok {
		return fmt.Errorf("no patch of %s is listed yet", f[0])
	}
	p.w.vendor.line(f[0], f[1], eol, extended)
	p.w.log("vendor", "%s line %s ends at %s", f[0], f[1], eol.Format(time.RFC3339))
	p.listed()
	return nil
}

// customer supplies the file of a patch that no vendor serves (CAT-5).
func (p *player) customer(rest string) error {
	id, ok := strings.CutPrefix(rest, "supplies ")
	patch, known := p.w.vendor.patches[catalog.PatchID(id)]
	if !ok || !known || patch.Artifacts[0].Availability != catalog.Vendor {
		return errors.New("write: customer supplies PATCH, where the patch is listed with the option vendor")
	}
	p.w.vendor.supply(&patch)
	p.w.vendor.patches[patch.ID] = patch
	p.w.log("server", "customer supplies %s", id)
	p.listed()
	return nil
}

func (p *player) asset(rest string) error {
	who, has, _ := strings.Cut(rest, " has ")
	id, tagged, _ := strings.Cut(who, " tagged ")
	id, on, _ := strings.Cut(id, " on ")
	id, zone, _ := strings.Cut(id, " in ")
	platform := catalog.Linux
	if on != "" {
		var err error
		if platform, err = catalog.ParsePlatform(on); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(verbs, func(v verb) bool { return v.name == id }) {
		return fmt.Errorf("%q is a word of the language; name the asset otherwise", id)
	}
	if p.w.assets[job.AssetID(id)] != nil {
		return fmt.Errorf("%q is there already", id)
	}
	installed := map[catalog.ProductID]catalog.Installed{}
	if strings.TrimSpace(has) != "" {
		for _, clause := range clauses(has) {
			product, text, _ := strings.Cut(clause, " ")
			text, held := strings.CutSuffix(text, " on hold")
			v, err := p.w.vendor.parseVersion(product, text)
			if err != nil {
				return fmt.Errorf("%w; write: asset web-1[ in Europe/Berlin][ on windows][ tagged web] has chrome 120.0.6099.71, zoom 5.16.0 on hold", err)
			}
			installed[catalog.ProductID(product)] = catalog.Installed{Version: v, Held: held}
		}
	}
	if zone != "" {
		if err := schedule.ValidZone(zone); err != nil {
			return err
		}
	}
	a, err := p.w.newAsset(job.AssetID(id), strings.Fields(tagged), platform)
	if err != nil {
		return err
	}
	a.zone = zone
	for product, i := range installed {
		a.installed[product], a.held[product] = i.Version, i.Held
	}
	return nil
}

// tag gives an asset other tags (JOB-7).
func (p *player) tag(rest string) error {
	f := strings.Fields(rest)
	if len(f) == 0 {
		return errors.New("write: tag ASSET TAG…, all the tags it has from now on")
	}
	if err := p.answered(); err != nil {
		return err
	}
	p.refused = p.w.server.act("tag "+rest, func(ctx context.Context, now time.Time) error {
		return p.w.server.c.TagAsset(ctx, job.AssetID(f[0]), f[1:])
	})
	return nil
}

func (p *player) serverDoes(rest string) error {
	teach := fmt.Errorf("%q is nothing a server does; it goes down, comes up or crashes; or: crashes before|after commit N; or: is under POLICY, is under no policy", rest)
	s, f := p.w.server, strings.Fields(rest)
	switch {
	case rest == "goes down":
		s.up = false
	case rest == "comes up", rest == "crashes":
		if err := s.alive(s.start()); err != nil {
			return err
		}
	case len(f) == 4 && f[0] == "crashes" && (f[1] == "before" || f[1] == "after") && f[2] == "commit":
		n, err := number(f[3])
		if err != nil {
			return err
		}
		return s.store.crashAt(f[1] == "after", n)
	case strings.HasPrefix(rest, "is under "):
		policy, err := p.named(strings.TrimPrefix(rest, "is under "))
		if err != nil {
			return err
		}
		s.policy = policy
		if err := s.alive(s.start()); err != nil {
			return err
		}
	default:
		return teach
	}
	p.w.log("server", "%s", rest)
	return nil
}

// notNow is why something cannot be done as things are. To try it is no mistake of a scenario's author.
type notNow struct{ error }

func notNowf(format string, args ...any) error { return notNow{fmt.Errorf(format, args...)} }

// try does what a line says if that can be done: the server may refuse it, and an asset may be off or asleep.
func (p *player) try(rest string) error {
	if err := p.answered(); err != nil {
		return err
	}
	err := p.do(rest)
	p.refused = nil
	_, not := errors.AsType[notNow](err)
	_, unknown := errors.AsType[*controller.NotFoundError](err)
	if not || unknown || gone(err) {
		p.w.log("try", "%s: %v", rest, err)
		return nil
	}
	return err
}

// number reads a small count.
func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > MaxTimes {
		return 0, fmt.Errorf("%q is no number from 0 to %d", s, MaxTimes)
	}
	return n, nil
}

// words reads a list of words separated by spaces.
func words[T ~string](s string) []T {
	var list []T
	for _, w := range strings.Fields(s) {
		list = append(list, T(w))
	}
	return slices.Clip(list)
}
