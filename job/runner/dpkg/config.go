package dpkg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Config is a platform's settings.
type Config struct {
	Root          string        // folder of the Debian system; empty or "/": the host
	Channel       string        // names the products; empty: that of the root's os-release and, if it names none, of its downloaded lists
	AllowReboot   bool          // let Reboot reboot (RBT-7); false: it returns runner.ErrRebootNotAllowed
	RebootCommand []string      // program and arguments; empty: systemctl or shutdown on the host, none for a root folder
	LockWait      time.Duration // how long another package manager is waited for; default 10 min
	Grace         time.Duration // how long an installer at its limit is given to end by itself, before it is killed (JOB-25); default 1 min
	Logger        *slog.Logger  // nil: none
	Programs      []string      // folders in which dpkg, apt and the system's other programs are; empty: /usr/sbin, /usr/bin, /sbin, /bin
	Temp          string        // folder for temporary files, which nobody else may write to unless it is sticky; empty: /tmp. TMPDIR is not asked.

	// Prompt shows, replaces or clears the reboot prompt, as runner.Platform.Prompt. Nil: on the host the users' terminals are told with
	// wall(1), which takes no answer (so each prompt counts as a deferral used, RBT-5); in a root folder nobody is there,
	// and without AllowReboot nothing is announced.
	Prompt func(ctx context.Context, prompt execution.Prompt, answer func(later bool)) error
}

// defaultLockWait is how long another package manager is waited for: an unattended upgrade of a slow machine fits.
const defaultLockWait = 10 * time.Minute

// defaultGrace lets dpkg finish writing what it has unpacked.
const defaultGrace = time.Minute

// ErrUnsupported is what New returns where there is no dpkg to drive.
var ErrUnsupported = errors.New("dpkg: Debian packages can be managed on Linux only")

// New makes a platform. It checks that the root has a package database that can be opened.
func New(c Config) (*Platform, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("%w, and this is %s", ErrUnsupported, runtime.GOOS)
	}
	var errs []error
	if c.LockWait < 0 {
		errs = append(errs, fmt.Errorf("LockWait is %v: want a positive duration, or zero for the default", c.LockWait))
	}
	if c.Grace < 0 {
		errs = append(errs, fmt.Errorf("the setting Grace is %v: want a positive duration, or zero for the default", c.Grace))
	}
	c.LockWait, c.Grace = cmp.Or(c.LockWait, defaultLockWait), cmp.Or(c.Grace, defaultGrace)
	c.Temp = cmp.Or(c.Temp, "/tmp")
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	root, err := filepath.Abs(cmp.Or(c.Root, "/"))
	if err != nil {
		errs = append(errs, err)
	}
	c.Root = root
	for _, program := range []string{"dpkg", "dpkg-deb"} {
		if _, err := findProgram(program, c.Programs...); err != nil {
			errs = append(errs, fmt.Errorf("install the package dpkg, or set Programs to where it is: %w", err))
		}
	}
	for _, folder := range append([]string{c.Temp}, c.Programs...) {
		if !filepath.IsAbs(folder) {
			errs = append(errs, fmt.Errorf("the settings Temp and Programs: %q is not an absolute path", folder))
		}
	}
	p := &Platform{cfg: c, host: root == "/", native: debian.Architectures(root)[0]}
	if c.Channel == "" {
		if p.cfg.Channel = p.ownChannel(); p.cfg.Channel == "" {
			errs = append(errs, fmt.Errorf("the os-release of %s names no VERSION_CODENAME, and apt has no lists of the distribution there: run \"apt-get update\", or set Channel", root))
		}
	} else if strings.ContainsAny(c.Channel, "/ \t\n") {
		errs = append(errs, fmt.Errorf("the setting Channel is %q: want a word without slashes and blanks", c.Channel))
	}
	if f, err := inroot.Open(root, statusFile); err != nil {
		errs = append(errs, fmt.Errorf("the package database of %s cannot be read: %w", root, err))
	} else {
		_ = f.Close() // only opened
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("dpkg: %w", errors.Join(errs...))
	}
	return p, nil
}
