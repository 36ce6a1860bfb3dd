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
)

// verb is one kind of line.
type verb struct {
	name   string
	syntax string
	do     func(p *player, rest string) error
}

// verbs is filled in by init, because the lines refer to the table in their errors.
var verbs []verb

func init() {
	verbs = []verb{
		{"patch", "patch ID: PRODUCT VERSION[, OPTION]…", (*player).patch},
		{"line", "line PRODUCT PREFIX ends TIME", (*player).line},
		{"asset", "asset ID[ tagged TAG…] has PRODUCT VERSION[, PRODUCT VERSION]…", (*player).asset},
		{"job", "job ID: CLAUSE[, CLAUSE]…", (*player).job},
		{"edit", "edit ID: CLAUSE[, CLAUSE]…", (*player).edit},
		{"enable", "enable JOB", admin("enable", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			_, err := p.w.server.c.EnableJob(ctx, id, now)
			return err
		})},
		{"disable", "disable JOB", admin("disable", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			return p.w.server.c.DisableJob(ctx, id, now)
		})},
		{"delete", "delete JOB", admin("delete", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			return p.w.server.c.DeleteJob(ctx, id, now)
		})},
		{"cancel", "cancel JOB", admin("cancel", func(p *player, ctx context.Context, id job.ID, now time.Time) error {
			_, err := p.w.server.c.CancelJob(ctx, id, now)
			return err
		})},
		{"sync", "sync", func(p *player, _ string) error { p.w.server.sync(); return nil }},
		{"vendor", "vendor marks PATCH end of life[ at TIME] | withdraws PATCH | removes PATCH | takes down PATCH | restores PATCH | strips PATCH | damages PATCH | signs PATCH by NAME | serves VERSION for PATCH | feed fails | feed recovers", (*player).vendorDoes},
		{"server", "server goes down | comes up | crashes", (*player).serverDoes},
		{"expect", "expect …", (*player).expect},
	}
}

func verbNames() string {
	names := make([]string, len(verbs))
	for i, v := range verbs {
		names[i] = v.name
	}
	return strings.Join(names, ", ")
}

func jobAsset(s string) job.AssetID { return job.AssetID(s) }

// admin is an act that the server may refuse; a refusal is kept for the next line to expect.
func admin(name string, do func(p *player, ctx context.Context, id job.ID, now time.Time) error) func(p *player, rest string) error {
	return func(p *player, rest string) error {
		if err := p.settled(); err != nil {
			return err
		}
		if err := one(rest, "a job"); err != nil {
			return err
		}
		p.refused = p.w.server.act(name+" "+rest, func(ctx context.Context, now time.Time) error { return do(p, ctx, job.ID(rest), now) })
		return nil
	}
}

// settled refuses to go on when a refusal was not expected.
func (p *player) settled() error {
	if p.refused == nil {
		return nil
	}
	err := p.refused
	p.refused = nil
	return fmt.Errorf("the server refused, and no line expects it: %w", err)
}

func one(s, what string) error {
	if s == "" || strings.Contains(s, " ") {
		return fmt.Errorf("name %s, and nothing else", what)
	}
	return nil
}

func (p *player) patch(rest string) error {
	id, spec, ok := strings.Cut(rest, ":")
	parts := clauses(spec)
	product, text, ok2 := strings.Cut(parts[0], " ")
	if !ok || !ok2 {
		return errors.New("write: patch chrome-121: chrome 121.0.6167.85, pinned, signed by Google")
	}
	v, err := p.w.vendor.parseVersion(product, text)
	if err != nil {
		return err
	}
	patch := catalog.Patch{ID: catalog.PatchID(id), Product: catalog.ProductID(product), Version: v}
	availability, signer, bare := catalog.Pinned, "", false
	for _, clause := range parts[1:] {
		word, value, _ := strings.Cut(clause, " ")
		switch {
		case clause == "pinned":
		case clause == "latest only":
			availability = catalog.LatestOnly
		case clause == "repository":
			availability = catalog.Repository
		case clause == "vendor":
			availability = catalog.Vendor
		case clause == "no checksum":
			bare = true
		case clause == "needs reboot":
			patch.Reboot = true
		case strings.HasPrefix(clause, "signed by "):
			signer = strings.TrimPrefix(clause, "signed by ")
		case word == "requires":
			other, between := strings.CutSuffix(value, " and a reboot")
			patch.Requires = append(patch.Requires, catalog.Requirement{Patch: catalog.PatchID(other), Reboot: between})
		case word == "supersedes":
			patch.Supersedes = append(patch.Supersedes, catalog.PatchID(value))
		case word == "fixes":
			patch.CVEs = strings.Fields(value)
		case word == "severity":
			patch.Severity, err = catalog.ParseSeverity(value)
		case word == "transaction":
			patch.Transaction = value
		default:
			err = fmt.Errorf("%q is no option of a patch", clause)
		}
		if err != nil {
			return err
		}
	}
	p.w.vendor.publish(patch, availability, signer, bare)
	p.w.log("vendor", "publishes %s: %s %s", id, product, v)
	if p.w.now.Equal(p.w.cfg.Start) {
		p.w.server.sync()
	}
	return nil
}

func (p *player) line(rest string) error {
	f := strings.Fields(rest)
	if len(f) != 4 || f[2] != "ends" {
		return errors.New("write: line chrome 120 ends +10d")
	}
	at, err := parseWhen(f[3])
	if err != nil {
		return err
	}
	if _, ok := p.w.vendor.products[catalog.ProductID(f[0])]; !ok {
		return fmt.Errorf("no patch of %s is listed yet", f[0])
	}
	p.w.vendor.line(f[0], f[1], at.instant(p.w.cfg.Start, p.w.now))
	p.w.log("vendor", "%s line %s ends at %s", f[0], f[1], at.instant(p.w.cfg.Start, p.w.now).Format(time.RFC3339))
	if p.w.now.Equal(p.w.cfg.Start) {
		p.w.server.sync()
	}
	return nil
}

func (p *player) asset(rest string) error {
	who, has, _ := strings.Cut(rest, " has ")
	id, tagged, _ := strings.Cut(who, " tagged ")
	for _, v := range verbs {
		if v.name == id || id == "clock" {
			return fmt.Errorf("%q is a word of the language; name the asset otherwise", id)
		}
	}
	if p.w.assets[job.AssetID(id)] != nil {
		return fmt.Errorf("%q is there already", id)
	}
	a, err := p.w.newAsset(job.AssetID(id), strings.Fields(tagged), catalog.Linux)
	if err != nil {
		return err
	}
	if strings.TrimSpace(has) == "" {
		return nil
	}
	for _, clause := range clauses(has) {
		product, text, _ := strings.Cut(clause, " ")
		text, held := strings.CutSuffix(text, " on hold")
		v, err := p.w.vendor.parseVersion(product, text)
		if err != nil {
			return err
		}
		a.installed[catalog.ProductID(product)] = v
		a.held[catalog.ProductID(product)] = held
	}
	return nil
}

func (p *player) vendorDoes(rest string) error {
	f := strings.Fields(rest)
	if len(f) < 2 {
		return errors.New("say what the vendor does")
	}
	p.w.log("vendor", "%s", rest)
	if f[0] == "feed" {
		switch f[1] {
		case "fails":
			p.w.vendor.failing = "connection refused"
		case "recovers":
			p.w.vendor.failing = ""
		default:
			return fmt.Errorf("a feed fails or recovers, not %q", f[1])
		}
		return nil
	}
	id := f[1]
	if f[0] == "takes" || f[0] == "serves" {
		id = f[len(f)-1]
	}
	patch, ok := p.w.vendor.patches[catalog.PatchID(id)]
	if !ok {
		return fmt.Errorf("there is no patch %q", id)
	}
	served := p.w.vendor.served[patch.Artifacts[0].URL]
	switch {
	case f[0] == "marks" && strings.HasPrefix(rest, "marks "+id+" end of life"):
		patch.EOLMarked = true
		if _, at, ok := strings.Cut(rest, " at "); ok {
			t, err := parseWhen(at)
			if err != nil {
				return err
			}
			patch.EOL = t.instant(p.w.cfg.Start, p.w.now)
		}
	case f[0] == "withdraws":
		patch.Withdrawn = true
	case f[0] == "removes":
		delete(p.w.vendor.patches, patch.ID)
		return nil
	case f[0] == "takes" && f[1] == "down":
		served.gone = true
	case f[0] == "restores":
		p.w.vendor.serve(patch.Artifacts[0].URL, string(patch.Product), patch.Version, patch.Artifacts[0].Signer)
	case f[0] == "strips":
		served.signature = integrity.Signature{Status: integrity.Absent}
	case f[0] == "damages":
		served.digest = digestOf(string(patch.Product), patch.Version, " damaged")
		if served.signature.Status == integrity.Valid {
			served.signature = integrity.Signature{Status: integrity.Bad, Detail: "the bytes were changed"}
		}
	case f[0] == "signs" && len(f) == 4 && f[2] == "by":
		served.signature = integrity.Signature{Status: integrity.Valid, Signer: f[3]}
	case f[0] == "serves" && len(f) == 4 && f[2] == "for":
		v, err := p.w.vendor.parseVersion(string(patch.Product), f[1])
		if err != nil {
			return err
		}
		p.w.vendor.serve(patch.Artifacts[0].URL, string(patch.Product), v, patch.Artifacts[0].Signer)
	default:
		return fmt.Errorf("%q is nothing a vendor does", rest)
	}
	p.w.vendor.patches[patch.ID] = patch
	return nil
}

func (p *player) serverDoes(rest string) error {
	p.w.log("server", "%s", rest)
	switch rest {
	case "goes down":
		p.w.server.up = false
	case "comes up", "crashes":
		return p.w.server.start()
	default:
		return fmt.Errorf("%q is nothing a server does; it goes down, comes up or crashes", rest)
	}
	return nil
}

// number reads a small count.
func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1_000_000 {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return n, nil
}

// words reads a list of words separated by spaces or commas.
func words[T ~string](s string) []T {
	var list []T
	for _, w := range strings.Fields(s) {
		list = append(list, T(w))
	}
	return slices.Clip(list)
}
