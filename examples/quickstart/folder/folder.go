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

// Config holds the settings of a Platform.
type Config struct {
	Dir     string                                   // required; made if missing; no other Platform uses it
	Hold    func(context.Context, catalog.ProductID) // called before a product is installed; the installation begins when it returns; may be nil
	Restart func()                                   // ends the agent and starts it again, without waiting for that; nil: reboots are not allowed
}

// Platform is one asset. It implements runner.Platform and is safe for
// concurrent use.
type Platform struct {
	cfg  Config
	lock sync.Mutex // for the disk, because Status may be called at any time
}

var _ runner.Platform = (*Platform)(nil)

// Open opens the folder. A new one has nothing installed.
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

// Setup installs a product without a patch, as it was when the asset was set
// up.
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

// Status returns the boot identity and the mark. Nobody is logged in.
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

// Preflight refuses a file that is not a patch, that is for another product
// than ordered, or that would add or downgrade a product (CAT-3). It reports
// the version that each file contains (CAT-7).
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

// Install installs the patches one after another. A patch that is not installed
// when the limit ends has changed nothing.
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

// applies returns why a patch is not an upgrade of what is installed; nil: it
// is one, or is installed already.
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

// install writes the content, then the mark, then the version. If it is cut
// off, the old version still shows.
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

// Prompt shows nothing, because nobody is logged in.
func (p *Platform) Prompt(context.Context, execution.Prompt, func(later bool)) error { return nil }

// Reboot removes the mark, changes the boot identity and asks for the restart.
// Without Config.Restart it returns runner.ErrRebootNotAllowed.
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

// Journal lists the installations and reboots in order: "installed PRODUCT
// VERSION" and "rebooted".
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

// versions reads the installed versions.
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

// replace replaces a file as a whole, or leaves it as it is.
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
