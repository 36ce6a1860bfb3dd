package dpkg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/reboot"
)

var errActionTime = errors.New("the action took longer than its timeout")

// RunAction runs an action without a shell, inside the root, and returns its
// exit code and the end of its output (JOB-13). At the timeout, or when ctx
// ends, it kills the action with everything it started and returns an error.
func (p *Platform) RunAction(ctx context.Context, a job.Action) (exit int, output string, err error) {
	if len(a.Command) == 0 {
		return 0, "", fmt.Errorf("the action %q has no command", a.Name)
	}
	timeout := a.Timeout
	if timeout <= 0 {
		timeout = job.DefaultActionTime
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errActionTime)
	defer cancel()
	program, err := findProgram(p.cfg.Root, a.Command[0], actionFolders...)
	if err != nil {
		return 0, "", fmt.Errorf("the action %q cannot be run: %w", a.Name, err)
	}
	cmd := exec.CommandContext(ctx, program, a.Command[1:]...)
	cmd.Env = environment()
	out, err := p.outputFile()
	if err != nil {
		return 0, "", err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out // a service that the action started may write on
	cmd.WaitDelay = 5 * time.Second
	contain(cmd, p.cfg.Root)
	err = cmd.Run()
	output, _ = tail(out, job.MaxOutput) // the exit code counts without it
	switch {
	case errors.Is(context.Cause(ctx), errActionTime):
		return 0, output, fmt.Errorf("the action %q was ended: %w of %v", a.Name, errActionTime, timeout)
	case ctx.Err() != nil:
		return 0, output, ctx.Err()
	case cmd.ProcessState == nil || !cmd.ProcessState.Exited():
		return 0, output, fmt.Errorf("the action %q could not be run: %w", a.Name, err)
	}
	return cmd.ProcessState.ExitCode(), output, nil
}

// Prompt shows the prompt on the terminals of the host's users, with wall(1).
// That takes no answer, so each prompt uses up a deferral (RBT-5). Nothing is
// shown in a root folder or without Config.AllowReboot. To ask in another way,
// embed the Platform and replace this method.
func (p *Platform) Prompt(ctx context.Context, prompt execution.Prompt, _ func(execution.PromptAnswered)) error {
	text := announcement(prompt, time.Local)
	if !p.host || !p.cfg.AllowReboot || text == "" { // a reboot that cannot happen is not announced
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sessionsWait)
	defer cancel()
	return p.tool(ctx, "wall", text).Run()
}

// announcement is the text of a prompt for people at terminals, with the last
// instant in their zone. Empty: nothing to announce.
func announcement(prompt execution.Prompt, zone *time.Location) string {
	why := fmt.Sprintf("Job %s needs it for: %s.", prompt.Job, prompt.Reasons())
	last := prompt.Last.In(zone).Format("Mon 2 Jan 15:04 MST")
	switch e := prompt.Kind.(type) {
	case reboot.ShowPrompt:
		return fmt.Sprintf("This computer needs a reboot. %s You can put it off %d more times, at the latest until %s. Save your work.", why, e.Remaining, last)
	case reboot.ShowCountdown:
		return fmt.Sprintf("This computer reboots in %v, on %s. %s Save your work.", e.Left.Round(time.Second), last, why)
	default:
		return ""
	}
}

// Reboot asks the system to reboot, if Config allows it.
func (p *Platform) Reboot(ctx context.Context) error {
	if !p.cfg.AllowReboot {
		return runner.ErrRebootNotAllowed
	}
	command := p.cfg.RebootCommand
	if len(command) == 0 {
		if !p.host {
			return fmt.Errorf("%w (%s is a root folder: set RebootCommand to what restarts it)", runner.ErrRebootNotAllowed, p.cfg.Root)
		}
		command = []string{"shutdown", "-r", "now"}
		if _, err := os.Stat("/run/systemd/system"); err == nil {
			command = []string{"systemctl", "reboot"}
		}
	}
	if out, err := p.tool(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command[0], err, lastLines(string(out), 500))
	}
	return nil
}
