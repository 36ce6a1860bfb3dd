// Package folder is a runner.Platform whose disk is a folder. A program can have
// many of them, without root.
//
// The folder holds
//
//	versions.json    what is installed, product to version; replaced atomically
//	products/NAME    the content of the product's last patch
//	boot             the identity of this boot; each reboot replaces it
//	journal          one line per installation and reboot
//	reboot-required  the mark that a reboot is required (RBT-2); a reboot removes it
//
// A patch file is one line of JSON, the [Patch], and then the product's new
// content:
//
//	{"format":"folder-patch-1","product":"kernel","version":"semver:6.1.1","millis":1500,"reboot":true}
//	… content to its end
//
// Nobody is ever logged in, so a reboot is counted down and cannot be deferred
// (RBT-4). To reboot, the folder changes its boot identity and calls
// Config.Restart. That must end the agent and start it again, as a machine does
// that reboots.
package folder

import (
	"bufio"
	"bytes"
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
	"github.com/patchpolicy/patchpolicy/internal/owned"
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

// Platform is one asset. It implements runner.Platform. Status, Inventory and
// Journal may be called at any time, the other methods one at a time.
type Platform struct {
	cfg  Config
	lock sync.Mutex // for the disk
}

var _ runner.Platform = (*Platform)(nil)

// Open opens the folder. A new one has nothing installed.
func Open(cfg Config) (*Platform, error) {
	if cfg.Dir == "" {
		return nil, errors.New("folder: Dir is missing")
	}
	p := &Platform{cfg: cfg}
	if err := os.MkdirAll(p.path("products"), 0o700); err != nil {
		return nil, err
	}
	boot, err := p.read("boot")
	if err == nil && boot == nil {
		err = p.replace("boot", []byte(rand.Text()))
	}
	if err == nil {
		_, err = p.versions()
	}
	return p, err
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
	boot, err := p.read("boot")
	if err != nil {
		return runner.Status{}, err
	}
	_, err = os.Stat(p.path("reboot-required"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return runner.Status{}, err
	}
	return runner.Status{BootID: string(boot), Sessions: reboot.Nobody, RebootRequired: err == nil}, nil
}

// Preflight refuses a file that is not a patch, that is for another product
// than ordered, or that would add or downgrade a product (CAT-3). It reports
// the version that each file contains (CAT-7).
func (p *Platform) Preflight(_ context.Context, staged []runner.Staged) (results []execution.PreflightResult, err error) {
	for _, s := range staged {
		patch, _, err := p.open(s)
		result := execution.PreflightResult{Index: s.Index, Version: patch.Version}
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
		switch {
		case err == nil:
			result.Reboot = patch.Reboot
		case ctx.Err() != nil && stopped.Err() == nil:
			result.Code, result.Text = job.DeployerProcessCrashed, err.Error()
		default:
			result.Code, result.Text = job.InstallerFailed, err.Error()
		}
		results = append(results, result)
	}
	return results, nil
}

func (p *Platform) deploy(ctx context.Context, s runner.Staged) (Patch, error) {
	patch, content, err := p.open(s)
	if err != nil {
		return patch, err
	}
	if p.cfg.Hold != nil {
		p.cfg.Hold(ctx, patch.Product)
	}
	select {
	case <-time.After(time.Duration(patch.Millis) * time.Millisecond):
	case <-ctx.Done():
		return patch, fmt.Errorf("%s: the installation was cut off before it changed anything: %w", patch.Product, ctx.Err())
	}
	if patch.Fails != "" {
		return patch, fmt.Errorf("%s: the installation failed: %s", patch.Product, patch.Fails)
	}
	return patch, p.install(patch, content)
}

// open reads the patch of a staged file from its beginning. The error says why
// it is not an upgrade of what is installed, nor installed already.
func (p *Platform) open(s runner.Staged) (Patch, io.Reader, error) {
	if len(s.Files) != 1 {
		return Patch{}, nil, malformed(fmt.Sprintf("it has %d files, want 1", len(s.Files)))
	}
	if _, err := s.Files[0].Seek(0, io.SeekStart); err != nil {
		return Patch{}, nil, err
	}
	patch, content, err := ReadPatch(s.Files[0])
	if err != nil {
		return patch, nil, err
	}
	versions, err := p.versions()
	have, installed := versions[patch.Product]
	order, orderable := patch.Version.Compare(have)
	switch {
	case err != nil:
	case patch.Product != s.Patch.Product:
		err = fmt.Errorf("the file is a patch for %s, and %s was ordered", patch.Product, s.Patch.Product)
	case !installed:
		err = fmt.Errorf("%s is not installed, and a patch never installs a product for the first time", patch.Product)
	case !orderable || order < 0:
		err = fmt.Errorf("%s %s is installed, and %s is not an upgrade of it", patch.Product, have, patch.Version)
	}
	return patch, content, err
}

// install writes the content, then the mark, then the version. If it is cut
// off, the old version still shows.
func (p *Platform) install(patch Patch, content io.Reader) error {
	data, err := io.ReadAll(content)
	if err != nil {
		return err
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
		return err
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
func (p *Platform) Prompt(context.Context, execution.Prompt, func(execution.PromptAnswered)) error {
	return nil
}

// Reboot removes the mark, changes the boot identity and asks for the restart.
// Without Config.Restart it returns runner.ErrRebootNotAllowed.
func (p *Platform) Reboot(context.Context) error {
	if p.cfg.Restart == nil {
		return runner.ErrRebootNotAllowed
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	if err := os.Remove(p.path("reboot-required")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
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
	text, err := p.read("journal")
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' }), err
}

func (p *Platform) note(line string) error {
	text, err := p.read("journal")
	if err != nil {
		return err
	}
	return p.replace("journal", append(text, line+"\n"...))
}

func (p *Platform) path(name string) string { return filepath.Join(p.cfg.Dir, name) }

func (p *Platform) versions() (map[catalog.ProductID]version.Version, error) {
	versions := map[catalog.ProductID]version.Version{}
	text, err := p.read("versions.json")
	if text != nil {
		err = json.Unmarshal(text, &versions)
	}
	if err != nil {
		return nil, fmt.Errorf("folder: versions.json: %w", err)
	}
	return versions, nil
}

// read reads a file of the disk; nil: there is none.
func (p *Platform) read(name string) ([]byte, error) {
	text, err := os.ReadFile(p.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// replace replaces a file as a whole, or leaves it as it is.
func (p *Platform) replace(name string, text []byte) error { return owned.Write(p.path(name), text) }

// Format is the first field of every patch file.
const Format = "folder-patch-1"

// Bounds of a patch file.
const (
	MaxHeader = 1024   // bytes of its first line, with the line break
	MaxName   = 64     // bytes of a product's name, which is also a file name
	MaxMillis = 60_000 // milliseconds of an installation
)

// Patch is the first line of a patch file.
type Patch struct {
	Format  string            `json:"format"`
	Product catalog.ProductID `json:"product"`
	Version version.Version   `json:"version"`
	Millis  int64             `json:"millis,omitempty"` // how long the installation takes
	Reboot  bool              `json:"reboot,omitempty"` // the installation marks that a reboot is required
	Fails   string            `json:"fails,omitempty"`  // the installation fails with this text and changes nothing
}

// malformed is the error of a patch file, with everything that is wrong with it.
func malformed(problems ...string) error {
	return errors.New("not a folder patch: " + strings.Join(problems, "; "))
}

// File returns a whole patch file: the patch as one line, and the content. The
// error lists everything that is wrong with the patch.
func (p Patch) File(content []byte) ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	line, err := json.Marshal(p)
	return slices.Concat(line, []byte{'\n'}, content), err
}

// ReadPatch reads the first line of a patch file and returns a reader of the
// content. The error lists everything that is wrong with the line.
func ReadPatch(r io.Reader) (Patch, io.Reader, error) {
	in := bufio.NewReaderSize(r, MaxHeader)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return Patch{}, nil, malformed(fmt.Sprintf("its first line does not end within %d bytes: %v", MaxHeader, err))
	}
	var p Patch
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&p); err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more follows the JSON object")
		}
	}
	if err != nil {
		return Patch{}, nil, malformed("its first line is not the JSON of a patch: " + err.Error())
	}
	return p, in, p.validate()
}

func (p Patch) validate() error {
	var problems []string
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	need(p.Format == Format, "its format is %.40q, want %q", p.Format, Format)
	strange := strings.Trim(string(p.Product), "abcdefghijklmnopqrstuvwxyz0123456789-")
	need(p.Product != "" && len(p.Product) <= MaxName && strange == "", "its product is %.80q, want 1 to %d of a-z, 0-9 and -", p.Product, MaxName)
	need(!p.Version.IsZero(), "it names no version")
	need(p.Millis >= 0 && p.Millis <= MaxMillis, "its millis are %d, want 0 to %d", p.Millis, MaxMillis)
	if len(problems) > 0 {
		return malformed(problems...)
	}
	return nil
}
