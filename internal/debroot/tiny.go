package debroot

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tiny makes a root in dir, which must be empty or missing: an empty package
// database, an os-release with the codename "tiny", and sh, sleep, touch and
// cat with their libraries for maintainer scripts.
func Tiny(ctx context.Context, dir string) error {
	for _, d := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/apt/lists", "var/log", "etc/apt", "usr/sbin", "run", "tmp", "bin", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := write(dir, map[string]string{
		"var/lib/dpkg/status":    "",
		"var/lib/dpkg/available": "",
		"etc/os-release":         "ID=debian\nVERSION_CODENAME=tiny\n",
	}, 0o644); err != nil {
		return err
	}
	for _, program := range []string{"sh", "sleep", "touch", "cat"} {
		if err := copyProgram(ctx, dir, program); err != nil {
			return err
		}
	}
	return nil
}

// copyProgram copies one of the machine's programs, and the libraries that it
// is linked with, to the same places under dir.
func copyProgram(ctx context.Context, dir, program string) error {
	from, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "ldd", from).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", from, err)
	}
	copying := []string{"-L", "--parents"}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			copying = append(copying, word)
		}
	}
	if err := run(ctx, "cp", append(copying, dir)...); err != nil {
		return err
	}
	return run(ctx, "cp", "-L", from, filepath.Join(dir, "bin", program))
}
