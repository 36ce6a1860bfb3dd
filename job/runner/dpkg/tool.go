package dpkg

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// systemFolders are where the system's programs are; the caller's PATH may be
// anybody's.
var systemFolders = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// actionFolders are where actions and maintainer scripts find programs.
var actionFolders = append([]string{"/usr/local/sbin", "/usr/local/bin"}, systemFolders...)

// findProgram finds a program below root by its name, in the given folders or
// else in systemFolders. Its path is valid inside root.
func findProgram(root, name string, folders ...string) (string, error) {
	if len(folders) == 0 {
		folders = systemFolders
	}
	if filepath.IsAbs(name) {
		return name, nil
	}
	if strings.ContainsRune(name, '/') {
		return "", fmt.Errorf("%s is a relative path: want a name or an absolute path", name)
	}
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if info, err := inroot.Stat(root, path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not in %s: %w", name, strings.Join(folders, ", "), exec.ErrNotFound)
}

// environment is the whole environment of dpkg, apt and maintainer scripts:
// nothing from the agent, no language, no questions.
func environment() []string {
	return []string{
		"PATH=" + strings.Join(actionFolders, ":"),
		"LC_ALL=C",
		"LANGUAGE=",
		"DEBIAN_FRONTEND=noninteractive",
		"DEBIAN_PRIORITY=critical",
		"UCF_FORCE_CONFFOLD=1",
		"HOME=/root",
	}
}

// command makes a command of a program of the system. A missing program fails
// when the command runs.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	path, err := findProgram("/", name)
	cmd := exec.CommandContext(ctx, path, args...)
	if err != nil {
		cmd.Err = err
	}
	cmd.Env = environment()
	return cmd
}

// tool makes a command that answers a question. It is killed when ctx ends.
func (p *Platform) tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := command(ctx, name, args...)
	cmd.Env = append(cmd.Env, "TMPDIR="+p.cfg.Temp)
	return cmd
}

// lastLines keeps the end of a text, from the beginning of a line if it has to
// cut.
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
