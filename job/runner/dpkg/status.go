package dpkg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// bootFile is where whoever runs a root folder as a container says which boot it is at.
const bootFile = "run/patchpolicy-boot-id"

// Status returns the boot identity, the sessions (RBT-9) and whether the system says that it needs a reboot.
func (p *Platform) Status(ctx context.Context) (runner.Status, error) {
	s := runner.Status{Sessions: reboot.Nobody, RebootRequired: p.rebootMarks().stands}
	var err error
	if s.BootID, err = p.boot(); err != nil {
		return runner.Status{}, err
	}
	if p.host {
		s.Sessions = hostSessions(ctx)
	}
	return s, ctx.Err()
}

func (p *Platform) boot() (string, error) {
	if !p.host {
		b, err := os.ReadFile(p.path(bootFile))
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

// sessionsWait bounds the question to logind: Status must be cheap.
const sessionsWait = 3 * time.Second

// hostSessions asks logind, and where there is none utmp. What neither can say is Unknown (RBT-9).
func hostSessions(ctx context.Context) reboot.Sessions {
	ctx, cancel := context.WithTimeout(ctx, sessionsWait)
	defer cancel()
	if s := logind(ctx); s != reboot.Unknown {
		return s
	}
	b, err := os.ReadFile("/run/utmp")
	if err != nil {
		return reboot.Unknown
	}
	return parseUtmp(b)
}

func logind(ctx context.Context) reboot.Sessions {
	ask := func(args ...string) (string, bool) {
		cmd := exec.CommandContext(ctx, "loginctl", args...)
		cmd.Env = environment()
		out, err := cmd.Output()
		return string(out), err == nil
	}
	list, ok := ask("list-sessions", "--no-legend")
	if !ok {
		return reboot.Unknown
	}
	var ids []string
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 0 {
			ids = append(ids, f[0])
		}
	}
	if len(ids) == 0 {
		return reboot.Nobody
	}
	const most = 200 // sessions asked about; with more, somebody is there
	if len(ids) > most {
		return reboot.Active
	}
	shown, ok := ask(append([]string{"show-session", "--property=Class", "--property=State", "--property=LockedHint"}, ids...)...)
	if !ok { // one may have ended between the two questions
		return reboot.Unknown
	}
	return parseSessions(shown)
}

// parseSessions reads blocks of Class=, State= and LockedHint= lines.
func parseSessions(shown string) reboot.Sessions {
	found := reboot.Nobody
	for block := range strings.SplitSeq(shown, "\n\n") {
		f := map[string]string{}
		for line := range strings.Lines(block) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			f[k] = v
		}
		switch {
		case len(strings.TrimSpace(block)) == 0, f["State"] == "closing", strings.HasPrefix(f["Class"], "manager"), f["Class"] == "greeter", f["Class"] == "background", f["Class"] == "lock-screen":
		case f["LockedHint"] == "yes":
			if found == reboot.Nobody {
				found = reboot.Locked
			}
		default:
			found = reboot.Active
		}
	}
	return found
}
