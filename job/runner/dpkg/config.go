package dpkg

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Config is the settings of a [Platform]. The zero Config is for the host.
type Config struct {
	// Root is the folder of the Debian system. Empty or "/": the host.
	Root string

	// Channel names the products. Empty: the channel in the root's os-release
	// or, if that names none, in the lists that apt has downloaded.
	Channel string

	// AllowReboot permits Reboot to reboot (RBT-7). False: it returns
	// [runner.ErrRebootNotAllowed].
	AllowReboot bool

	// RebootCommand is the program that reboots, with its arguments. Empty:
	// systemctl or shutdown on the host, none for a root folder.
	RebootCommand []string

	LockWait time.Duration // how long to wait for another package manager; default 10 min
	Grace    time.Duration // from SIGTERM to SIGKILL at the install limit (JOB-25); default 1 min
	Logger   *slog.Logger  // nil: no log

	// Temp is the folder for temporary files. Nobody else may write to it,
	// unless it is sticky. Empty: /tmp, whatever TMPDIR says.
	Temp string
}

// defaultLockWait is long enough for an unattended upgrade of a slow machine.
const defaultLockWait = 10 * time.Minute

// defaultGrace is long enough for dpkg to finish writing what it has unpacked.
const defaultGrace = time.Minute

// ErrUnsupported is the error of [New] on systems other than Linux.
var ErrUnsupported = errors.New("dpkg: Debian packages can be managed on Linux only")

// New makes a platform. It returns an error that names every bad setting, or
// ErrUnsupported, and checks that the package database can be opened.
func New(c Config) (*Platform, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("%w, and this is %s", ErrUnsupported, runtime.GOOS)
	}
	var errs []error
	if c.LockWait < 0 {
		errs = append(errs, fmt.Errorf("the setting LockWait is %v: want a positive duration, or zero for the default", c.LockWait))
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
		if _, err := findProgram("/", program); err != nil {
			errs = append(errs, fmt.Errorf("the programs of dpkg are missing (install the package dpkg): %w", err))
		}
	}
	if !filepath.IsAbs(c.Temp) {
		errs = append(errs, fmt.Errorf("the setting Temp is %q: want an absolute path", c.Temp))
	}
	p := &Platform{cfg: c, host: root == "/", native: debian.Architectures(root)[0]}
	if c.Channel == "" {
		if p.cfg.Channel = p.ownChannel(); p.cfg.Channel == "" {
			errs = append(errs, fmt.Errorf("the os-release of %s names no VERSION_CODENAME, and apt has no lists of its distribution: run \"apt-get update\", or set Channel", root))
		}
	} else if strings.ContainsAny(c.Channel, "/ \t\n") {
		errs = append(errs, fmt.Errorf("the setting Channel is %q: want a word without slashes and spaces", c.Channel))
	}
	if f, err := inroot.Open(root, statusFile); err != nil {
		errs = append(errs, fmt.Errorf("the package database of %s cannot be read: %w", root, err))
	} else {
		_ = f.Close() // opened for reading only
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("dpkg: %w", errors.Join(errs...))
	}
	return p, nil
}

// Platform is a Debian system. Use [New] to make one.
type Platform struct {
	cfg    Config
	host   bool // the root is "/"
	native string
}

var _ runner.Platform = (*Platform)(nil)

// maxSmall bounds what is read of a small file of the root, in bytes.
const maxSmall = 1 << 20

func (p *Platform) database() (*database, error) { return readDatabase(p.cfg.Root, p.native) }
