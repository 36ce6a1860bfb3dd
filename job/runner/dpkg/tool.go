package dpkg

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// environment is all that dpkg, apt and maintainer scripts are given: nothing of the agent's own, no language, no questions.
func environment() []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C",
		"LANGUAGE=",
		"DEBIAN_FRONTEND=noninteractive",
		"DEBIAN_PRIORITY=critical",
		"UCF_FORCE_CONFFOLD=1",
		"HOME=/root",
	}
	if v, ok := os.LookupEnv("TMPDIR"); ok {
		env = append(env, "TMPDIR="+v)
	}
	return env
}

// tool makes a command that answers a question: it is killed when ctx ends.
func tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = environment()
	return cmd
}

// stderrOf gives what a failed Output left, to be appended to an error's text.
func stderrOf(err error) string {
	if ee, ok := errors.AsType[*exec.ExitError](err); ok && len(ee.Stderr) > 0 {
		return ": " + lastLines(string(ee.Stderr), 1000)
	}
	return ""
}

// lastLines keeps the end of a text, at a line's beginning if it has to cut.
func lastLines(s string, most int) string {
	s = strings.TrimSpace(s)
	if len(s) <= most {
		return s
	}
	s = s[len(s)-most:]
	if _, rest, ok := strings.Cut(s, "\n"); ok {
		s = rest
	}
	return "… " + strings.ToValidUTF8(s, "")
}
