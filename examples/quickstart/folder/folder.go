package folder

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Config is a folder's settings.
type Config struct {
	Dir     string                                   // required; made if missing; it belongs to this Platform alone
	Hold    func(context.Context, catalog.ProductID) // called before a product is installed, which waits until it returns; may be nil
	Restart func()                                   // asks for the agent to be ended and started again, and does not wait for that; nil: reboots are not allowed
}

// Platform is one asset. It implements runner.Platform.
type Platform struct {
	cfg  Config
	lock sync.Mutex // over what is on the disk, because Status may be asked at any time
}

var _ runner.Platform = (*Platform)(nil)

// Open opens the folder; a new one has nothing installed and boots for the first time.
func Open(cfg Config) (*Platform, error) {
	if cfg.Dir == "" {
		return nil, errors.New("folder: Dir is missing")
	}
	p := &Platform{cfg: cfg}
	if err := os.MkdirAll(p.path("products"), 0o700); err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	if _, err := os.Stat(p.path("boot")); errors.Is(err, os.ErrNotExist) {
		if err := p.replace("boot", []byte(rand.Text())); err != nil {
			return nil, err
		}
	}
	if _, err := p.versions(); err != nil {
		return nil, err
	}
	return p, nil
}

// Setup puts a product on the disk without a patch, as whoever installed the asset did.
func (p *Platform) Setup(product catalog.ProductID, v version.Version) error {
	return p.install(Patch{Format: Format, Product: product, Version: v}, strings.NewReader("as it was set up\n"))
}

// Inventory lists what versions.json holds.
func (p *Platform) Inventory(context.Context) (catalog.Inventory, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	versions, err := p.versions()
	if err != nil {
		return catalog.Inventory{}, err
	}
	var installed []catalog.Installed
	for _, product := range slices.Sorted(maps.Keys(versions)) {
		installed = append(installed, catalog.Installed{Product: product, Version: versions[product]})
	}
	return catalog.NewInventory(catalog.Linux, installed)
}

// Status returns the boot identity and the mark; nobody is logged in.
func (p *Platform) Status(context.Context) (runner.Status, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	boot, err := os.ReadFile(p.path("boot"))
	if err != nil {
		return runner.Status{}, fmt.Errorf("folder: %w", err)
	}
	_, err = os.Stat(p.path("reboot-required"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return runner.Status{}, fmt.Errorf("folder: %w", err)
	}
	return runner.Status{BootID: string(boot), Sessions: reboot.Nobody, RebootRequired: err == nil}, nil
}

// Preflight refuses what is not a patch, is for another product than ordered, or would add or lower a product (CAT-3), and
// reports the version each file really contains (CAT-7).
func (p *Platform) Preflight(_ context.Context, staged []runner.Staged) ([]execution.PreflightResult, error) {
	p.lock.Lock()
	versions, err := p.versions()
	p.lock.Unlock()
	if err != nil {
		return nil, err
	}
	var results []execution.PreflightResult
	for _, s := range staged {
		patch, _, err := open(s)
		result := execution.PreflightResult{Index: s.Index, Version: patch.Version}
		if err == nil {
			err = applies(patch, versions)
		}
		if err != nil {
			result.Refused = err.Error()
		}
		results = append(results, result)
	}
	return results, nil
}

// Install installs the patches one after the other. What is left of them when the limit comes has not changed anything.
func (p *Platform) Install(ctx context.Context, staged []runner.Staged, limit time.Duration) ([]execution.InstallResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	stopped := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	var results []execution.InstallResult
	for _, s := range staged {
		result := execution.InstallResult{Index: s.Index}
		patch, err := p.deploy(ctx, s)
		if err != nil && ctx.Err() != nil && stopped.Err() == nil {
			result.Code, result.Text = job.DeployerProcessCrashed, err.Error()
		} else if err != nil {
			result.Code, result.Text = job.InstallerFailed, err.Error()
		} else {
			result.Reboot = patch.Reboot
		}
		results = append(results, result)
	}
	return results, nil
}

func (p *Platform) deploy(ctx context.Context, s runner.Staged) (Patch, error) {
	patch, content, err := open(s)
	if err != nil {
		return patch, err
	}
	p.lock.Lock()
	versions, err := p.versions()
	p.lock.Unlock()
	if err != nil {
		return patch, err
	}
	if err := applies(patch, versions); err != nil {
		return patch, err
	}
	if p.cfg.Hold != nil {
		p.cfg.Hold(ctx, patch.Product)
	}
	select {
	case <-time.After(patch.takes()):
	case <-ctx.Done():
		return patch, fmt.Errorf("%s: the installation was cut off before it changed anything: %w", patch.Product, ctx.Err())
	}
	if patch.Fails != "" {
		return patch, fmt.Errorf("%s: the installation failed: %s", patch.Product, patch.Fails)
	}
	return patch, p.install(patch, content)
}

// open reads the patch of a staged file from its beginning.
func open(s runner.Staged) (Patch, io.Reader, error) {
	if len(s.Files) != 1 {
		return Patch{}, nil, &MalformedError{[]string{fmt.Sprintf("it has %d files, want 1", len(s.Files))}}
	}
	if _, err := s.Files[0].Seek(0, io.SeekStart); err != nil {
		return Patch{}, nil, err
	}
	patch, content, err := ReadPatch(s.Files[0])
	if err == nil && patch.Product != s.Patch.Product {
		err = fmt.Errorf("the file is a patch for %s, and %s was ordered", patch.Product, s.Patch.Product)
	}
	return patch, content, err
}

// applies says why a patch is not an upgrade of what is installed; nil when it is, or is there already.
func applies(patch Patch, versions map[catalog.ProductID]version.Version) error {
	have, installed := versions[patch.Product]
	if !installed {
		return fmt.Errorf("%s is not installed, and a patch never installs a product for the first time", patch.Product)
	}
	if order, orderable := patch.Version.Compare(have); !orderable || order < 0 {
		return fmt.Errorf("%s %s is installed, and %s is not an upgrade of it", patch.Product, have, patch.Version)
	}
	return nil
}

// install puts the content in place, then leaves the mark, then writes the version, so that a cut leaves the old version to be seen.
func (p *Platform) install(patch Patch, content io.Reader) error {
	data, err := io.ReadAll(content)
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	versions, err := p.versions()
	if err != nil {
		return err
	}
	if err := p.replace(filepath.Join("products", string(patch.Product)), data); err != nil {
		return err
	}
	if patch.Reboot {
		if err := p.replace("reboot-required", nil); err != nil {
			return err
		}
	}
	if err := p.note(fmt.Sprintf("installed %s %s", patch.Product, patch.Version)); err != nil {
		return err
	}
	versions[patch.Product] = patch.Version
	text, err := json.MarshalIndent(versions, "", "  ")
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return p.replace("versions.json", text)
}

// RunAction runs the action's command in the folder.
func (p *Platform) RunAction(ctx context.Context, action job.Action) (int, string, error) {
	if len(action.Command) == 0 {
		return 0, "", errors.New("folder: the action has no command")
	}
	cmd := exec.CommandContext(ctx, action.Command[0], action.Command[1:]...)
	cmd.Dir = p.cfg.Dir
	output, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), string(output), nil
	}
	return 0, string(output), err
}

// Prompt shows nothing, for nobody is there to see it.
func (p *Platform) Prompt(context.Context, execution.Prompt, func(later bool)) error { return nil }

// Reboot takes the mark away, changes the boot identity and asks for the restart. Without Config.Restart it returns
// runner.ErrRebootNotAllowed.
func (p *Platform) Reboot(context.Context) error {
	if p.cfg.Restart == nil {
		return runner.ErrRebootNotAllowed
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	if err := os.Remove(p.path("reboot-required")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("folder: %w", err)
	}
	if err := errors.Join(p.replace("boot", []byte(rand.Text())), p.note("rebooted")); err != nil {
		return err
	}
	p.cfg.Restart()
	return nil
}

// Journal lists what was done to the disk, in order: "installed PRODUCT VERSION" and "rebooted".
func (p *Platform) Journal() ([]string, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	text, err := os.ReadFile(p.path("journal"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("folder: %w", err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' }), nil
}

// note adds a line to the journal.
func (p *Platform) note(line string) error {
	f, err := os.OpenFile(p.path("journal"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	_, err = f.WriteString(line + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return nil
}

func (p *Platform) path(name string) string { return filepath.Join(p.cfg.Dir, name) }

// versions reads what is installed.
func (p *Platform) versions() (map[catalog.ProductID]version.Version, error) {
	versions := map[catalog.ProductID]version.Version{}
	text, err := os.ReadFile(p.path("versions.json"))
	if errors.Is(err, os.ErrNotExist) {
		return versions, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &versions)
	}
	if err != nil {
		return nil, fmt.Errorf("folder: versions.json: %w", err)
	}
	return versions, nil
}

// replace writes a file whole or not at all.
func (p *Platform) replace(name string, text []byte) error {
	next := p.path(name + ".new")
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(next, p.path(name))
	}
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return nil
}
