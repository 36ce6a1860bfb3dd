package debroot

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tiny makes a root in dir, which must be empty or missing: an empty package database, a release file naming the codename "tiny",
// and sh, sleep, touch and cat with their libraries for maintainer scripts.
func Tiny(ctx context.Context, dir string) error {
	for _, d := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/apt/lists", "var/log", "etc/apt", "usr/sbin", "run", "tmp", "bin", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	files := map[string]string{
		"var/lib/dpkg/status":    "",
		"var/lib/dpkg/available": "",
		"etc/os-release":         "ID=debian\nVERSION_CODENAME=tiny\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, program := range []string{"sh", "sleep", "touch", "cat"} {
		if err := copyProgram(ctx, dir, program); err != nil {
			return err
		}
	}
	return nil
}

// copyProgram copies one of the machine's programs, and what it is linked with, to the same places under dir.
func copyProgram(ctx context.Context, dir, program string) error {
	from, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	if err := copyFile(from, filepath.Join(dir, "bin", program)); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "ldd", from).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", from, err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			if err := copyFile(word, filepath.Join(dir, word)); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
