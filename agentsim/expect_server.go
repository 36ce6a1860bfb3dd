package agentsim

import (
	"context"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// expectServer compares what the server shows. Rest is what follows the word server, f its words.
func (p *player) expectServer(rest string, f []string) error {
	lists := []struct {
		what string
		who  func() ([]string, error)
	}{
		{"silent", p.those(func(s controller.AssetStatus) bool { return s.Silent })},
		{"behind", p.those(func(s controller.AssetStatus) bool { return s.Behind })},
		{"refusing", p.those(func(s controller.AssetStatus) bool { return s.Refused != nil })},
		{"clock off", p.those(func(s controller.AssetStatus) bool { return s.OffsetTooFar })},
		{"waiting for reboot", p.open(p.w.server.c.PendingReboots)},
		{"waiting for cancel", p.open(p.w.server.c.PendingCancels)},
	}
	for _, l := range lists {
		want, ok := strings.CutPrefix(rest, l.what+" ")
		if !ok {
			continue
		}
		have, err := l.who()
		if err != nil {
			return err
		}
		return p.compare(want, orNone(have, "nobody"))
	}
	switch {
	case len(f) == 3 && f[0] == "failed" && f[1] == "installs":
		n, err := p.w.server.c.FailedInstalls(context.Background())
		if err != nil {
			return err
		}
		return p.compare(f[2], fmt.Sprint(n))
	case f[0] == "failures":
		return p.expectFailures(f[1:])
	case len(f) > 3 && f[0] == "missing" && f[1] == "on":
		verdicts, err := p.w.server.c.Missing(context.Background(), job.AssetID(f[2]), p.w.now)
		if err != nil {
			return err
		}
		var have []string
		for _, v := range verdicts {
			have = append(have, string(v.Patch))
		}
		return p.compare(strings.Join(f[3:], " "), orNone(have, "nothing"))
	case p.w.assets[job.AssetID(f[0])] == nil || len(f) < 3:
		return fmt.Errorf("%q is not understood; write one of:\n%s", "server "+rest, expectations)
	}
	row, ok, err := p.w.server.row(job.AssetID(f[0]), job.ID(f[1]))
	switch {
	case err != nil:
		return err
	case len(f) == 3:
		return p.compare(f[2], standing(row, ok))
	}
	have := outcomeOf(row.Patches, catalog.PatchID(f[2]))
	return p.compare(strings.Join(f[3:], " "), orNone(strings.Fields(have), "nothing"))
}

func orNone(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, " ")
}

// those lists the assets of which something holds.
func (p *player) those(holds func(controller.AssetStatus) bool) func() ([]string, error) {
	return func() (ids []string, err error) {
		list, err := p.w.server.c.Assets(context.Background(), "", controller.MaxPage, p.w.now)
		for _, s := range list {
			if holds(s) {
				ids = append(ids, string(s.ID))
			}
		}
		return ids, err
	}
}

func (p *player) open(query func(context.Context, int) ([]controller.Open, error)) func() ([]string, error) {
	return func() (ids []string, err error) {
		list, err := query(context.Background(), controller.MaxPage)
		for _, o := range list {
			ids = append(ids, string(o.Asset))
		}
		return ids, err
	}
}

// standing is what the server shows of a run on an asset: the answer to a cancel, else the result, else the progress.
func standing(row controller.RunAsset, ok bool) string {
	switch {
	case ok && row.TooLate != 0 && row.Cancel == ledger.CancelTooLate:
		return fmt.Sprintf("%s(%s)", row.Cancel, row.TooLate)
	case ok && row.Cancel != 0:
		return row.Cancel.String()
	case ok && row.Result != 0:
		return row.Result.String()
	case ok && row.Progress != 0:
		return row.Progress.String()
	}
	return "nothing"
}

// expectFailures counts the list of failed installs (RPT-2).
func (p *player) expectFailures(f []string) error {
	filter := controller.FailureFilter{Limit: controller.MaxPage}
	want := f[0]
	for f = f[1:]; len(f) > 0; {
		var err error
		switch {
		case len(f) > 2 && f[0] == "of" && f[1] == "asset":
			filter.Asset, f = job.AssetID(f[2]), f[3:]
		case len(f) > 2 && f[0] == "of" && f[1] == "patch":
			filter.Patch, f = catalog.PatchID(f[2]), f[3:]
		case len(f) > 2 && f[0] == "with" && f[1] == "code":
			filter.Code, err = job.ParseCode(f[2])
			f = f[3:]
		case len(f) > 1 && f[0] == "from":
			filter.From, err = p.instant(f[1])
			f = f[2:]
		case len(f) > 1 && f[0] == "to":
			filter.To, err = p.instant(f[1])
			f = f[2:]
		default:
			err = fmt.Errorf("%q is no filter; write one of: of asset A, of patch P, with code C, from TIME, to TIME", strings.Join(f, " "))
		}
		if err != nil {
			return err
		}
	}
	n := 0
	for {
		page, err := p.w.server.c.Failures(context.Background(), filter)
		if err != nil {
			return err
		}
		if n += len(page.Failures); page.Next == "" {
			return p.compare(want, fmt.Sprint(n))
		}
		filter.Page = page.Next
	}
}
