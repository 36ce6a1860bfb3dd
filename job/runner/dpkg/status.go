package dpkg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// bootFile is where whoever runs a root folder as a container writes its boot
// identity.
const bootFile = "run/patchpolicy-boot-id"

// Status returns the boot identity, the sessions (RBT-9) and whether the system
// says that it needs a reboot.
func (p *Platform) Status(ctx context.Context) (runner.Status, error) {
	mark := p.rebootMarks()
	s := runner.Status{Sessions: reboot.Nobody, RebootRequired: mark.present, RebootSince: mark.since}
	var err error
	if s.BootID, err = p.boot(); err != nil {
		return runner.Status{}, err
	}
	if p.host {
		s.Sessions = p.hostSessions(ctx)
	}
	return s, ctx.Err()
}

func (p *Platform) boot() (string, error) {
	if !p.host {
		b, err := inroot.ReadFile(p.cfg.Root, bootFile, maxSmall)
		if line, _, _ := strings.Cut(string(b), "\n"); err == nil && strings.TrimSpace(line) != "" {
			return strings.TrimSpace(line), nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("the boot identity cannot be read: %w", err)
		}
	}
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("the boot identity cannot be read: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// sessionsWait bounds the call of logind: Status must be cheap.
const sessionsWait = 3 * time.Second

// hostSessions asks logind, or utmp if logind cannot say. If neither can, the
// sessions are Unknown (RBT-9).
func (p *Platform) hostSessions(ctx context.Context) reboot.Sessions {
	ctx, cancel := context.WithTimeout(ctx, sessionsWait)
	defer cancel()
	if s := p.logind(ctx); s != reboot.Unknown {
		return s
	}
	b, err := os.ReadFile("/run/utmp")
	if err != nil {
		return reboot.Unknown
	}
	return parseUtmp(b)
}

func (p *Platform) logind(ctx context.Context) reboot.Sessions {
	list, err := p.tool(ctx, "loginctl", "list-sessions", "--no-legend").Output()
	if err != nil {
		return reboot.Unknown
	}
	var ids []string
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) > 0 {
			ids = append(ids, f[0])
		}
	}
	if len(ids) == 0 {
		return reboot.Nobody
	}
	const most = 200 // sessions that are asked about; with more, somebody is logged in
	if len(ids) > most {
		return reboot.Active
	}
	args := append([]string{"show-session", "--property=Class", "--property=State", "--property=LockedHint"}, ids...)
	shown, err := p.tool(ctx, "loginctl", args...).Output()
	if err != nil { // one may have ended between the two calls
		return reboot.Unknown
	}
	return parseSessions(string(shown), len(ids))
}

// parseSessions reads blocks of Class=, State= and LockedHint= lines, one per
// session. If a session is not described, its user is not known.
func parseSessions(shown string, sessions int) reboot.Sessions {
	found := reboot.Nobody
	if strings.Count("\n"+shown, "\nState=") < sessions {
		found = reboot.Unknown
	}
	for block := range strings.SplitSeq(shown, "\n\n") {
		f := map[string]string{}
		for line := range strings.Lines(block) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			f[k] = v
		}
		switch {
		case len(strings.TrimSpace(block)) == 0, f["State"] == "closing", strings.HasPrefix(f["Class"], "manager"), f["Class"] == "greeter", f["Class"] == "background", f["Class"] == "lock-screen":
		case f["LockedHint"] == "yes":
			if found != reboot.Active {
				found = reboot.Locked
			}
		default:
			found = reboot.Active
		}
	}
	return found
}

// marks is what the system itself says about a needed reboot.
type marks struct {
	present  bool
	since    time.Time
	packages map[string]bool // the packages that asked for it
}

const (
	markFile     = "run/reboot-required"
	markPackages = "run/reboot-required.pkgs"
)

func (p *Platform) rebootMarks() marks {
	m := marks{packages: map[string]bool{}}
	if info, err := inroot.Stat(p.cfg.Root, markFile); err == nil {
		m.present, m.since = true, info.ModTime()
	}
	b, err := inroot.ReadFile(p.cfg.Root, markPackages, maxSmall)
	if err != nil {
		return m // no package named itself
	}
	for name := range strings.FieldsSeq(string(b)) {
		m.packages[name] = true
	}
	return m
}

// rebootNeed compares the marks with those before a deploy. For each deployed
// package it reports whether that package needs a reboot (RBT-2): the mark
// names it, whoever left the mark first, or the mark is new and names no
// package.
func (p *Platform) rebootNeed(before marks) func(name string) bool {
	now := p.rebootMarks()
	all := now.present && !before.present && len(now.packages) == 0
	running := ""
	if p.host {
		b, _ := os.ReadFile("/proc/sys/kernel/osrelease") // without it, no kernel package asks for a reboot
		running = strings.TrimSpace(string(b))
	}
	return func(name string) bool {
		return all || now.packages[name] || kernelNeedsReboot(name, running)
	}
}

// kernelNeedsReboot reports whether the package contains the running kernel or
// a newer one.
func kernelNeedsReboot(name, running string) bool {
	release, is := strings.CutPrefix(name, "linux-image-")
	release = strings.TrimPrefix(release, "unsigned-")
	if !is || running == "" || release == "" || release[0] < '0' || release[0] > '9' { // it may only depend on the newest kernel
		return false
	}
	order, err := version.Compare(version.Debian, release, running)
	return release == running || err == nil && order > 0
}

// The layout of a utmp record, the same on every current Linux: the type comes
// first, the user's name after pid, line and id.
const (
	utmpRecord  = 384
	utmpUser    = 44
	userProcess = 7
	maxUtmp     = 1 << 20 // bytes: 2,700 sessions
)

// parseUtmp looks for a record of a logged-in user. A file that is empty or not
// a list of records gives Unknown: where utmp is written, it has at least the
// record of the boot.
func parseUtmp(b []byte) reboot.Sessions {
	if len(b) == 0 || len(b)%utmpRecord != 0 || len(b) > maxUtmp {
		return reboot.Unknown
	}
	for ; len(b) > 0; b = b[utmpRecord:] {
		if binary.NativeEndian.Uint16(b) == userProcess && b[utmpUser] != 0 {
			return reboot.Active
		}
	}
	return reboot.Nobody
}
