package killtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// disk is a folder with a log. Each line is durable before the next thing
// happens:
//
//	begin PRODUCT HAVE TO    an install begins; HAVE is the installed version
//	end PRODUCT NOW          it returned
//	act NAME                 an action runs
//	reboot                   a reboot begins
type disk struct {
	*folder.Platform
	log    *os.File
	points *points
	where  func() string
}

func diskDir(dir string) string { return filepath.Join(dir, "disk") }
func diskLog(dir string) string { return filepath.Join(dir, "disk.log") }

var _ runner.Platform = (*disk)(nil)

func (d *disk) note(format string, args ...any) error {
	if _, err := fmt.Fprintf(d.log, format+"\n", args...); err != nil {
		return err
	}
	return d.log.Sync()
}

// Install installs one patch after another, with a point before and after each.
func (d *disk) Install(ctx context.Context, patches []runner.Staged, limit time.Duration) (all []execution.InstallResult, err error) {
	for _, p := range patches {
		before, err := d.Inventory(ctx)
		if err != nil {
			return nil, err
		}
		have, _ := before.Find(p.Patch.Product)
		if err := d.note("begin %s %s %s", p.Patch.Product, have.Version, p.Patch.Version); err != nil {
			return nil, err
		}
		d.points.pass("install:before " + d.where())
		outcomes, err := d.Platform.Install(ctx, []runner.Staged{p}, limit)
		if err != nil {
			return nil, err
		}
		d.points.pass("install:after " + d.where())
		after, err := d.Inventory(ctx)
		if err != nil {
			return nil, err
		}
		now, _ := after.Find(p.Patch.Product)
		if err := d.note("end %s %s", p.Patch.Product, now.Version); err != nil {
			return nil, err
		}
		all = append(all, outcomes...)
	}
	return all, nil
}

// RunAction runs nothing. It only notes the call.
func (d *disk) RunAction(_ context.Context, a job.Action) (int, string, error) {
	return 0, "", d.note("act %s", a.Name)
}

func (d *disk) Reboot(ctx context.Context) error {
	if err := d.note("reboot"); err != nil {
		return err
	}
	return d.Platform.Reboot(ctx)
}
