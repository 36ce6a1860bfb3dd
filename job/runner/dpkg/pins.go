package dpkg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// pins asks apt, in one call, which installed packages it prefers another version of than the newest it knows: by name and architecture,
// that version. Without apt or its lists there are none.
func (p *Platform) pins(ctx context.Context, db *database) (map[string]string, error) {
	if _, err := Find("apt-cache", p.cfg.Programs...); err != nil || !p.hasLists() {
		return nil, nil
	}
	args := []string{"policy"}
	for _, e := range db.entries {
		if e.installed() {
			args = append(args, e.name+":"+p.real(e.arch))
		}
	}
	if len(args) == 1 {
		return nil, nil
	}
	cmd := p.tool(ctx, "apt-cache", args...)
	if !p.host {
		if err := CheckRoot(ctx, p.cfg.Root, AptReads...); err != nil {
			return nil, err
		}
		dir, err := os.MkdirTemp(p.cfg.Temp, "patchpolicy-apt-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) // best effort: it holds two texts
		conf, guard := filepath.Join(dir, "root.conf"), filepath.Join(dir, "guard.conf")
		text := aptConf("Dir", p.cfg.Root, "APT::Architecture", p.native)
		if err := errors.Join(os.WriteFile(conf, []byte(text), 0o600), os.WriteFile(guard, []byte(AptGuard(p.cfg.Root)), 0o600)); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "APT_CONFIG="+conf)
		cmd.Args = append(cmd.Args, "-c", guard)
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("apt-cache policy: %w%s", err, stderrOf(err))
	}
	return parsePolicy(string(out), p.native), nil
}

// hasLists says whether apt has downloaded anything in the root.
func (p *Platform) hasLists() bool {
	names, err := inroot.ReadDir(p.cfg.Root, "var/lib/apt/lists")
	return err == nil && slices.ContainsFunc(names, func(n fs.DirEntry) bool { return strings.Contains(n.Name(), "_Packages") })
}

// aptConf writes apt.conf(5) of keys, each followed by its value.
func aptConf(settings ...string) string {
	var b strings.Builder
	for pair := range slices.Chunk(settings, 2) {
		fmt.Fprintf(&b, "%s \"%s\";\n", pair[0], strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(pair[1]))
	}
	return b.String()
}

// parsePolicy reads what "apt-cache policy NAME…" prints.
func parsePolicy(out, native string) map[string]string {
	pins := map[string]string{}
	var pkg, installed, candidate string
	var newest version.Version
	flush := func() {
		if pkg == "" || newest.IsZero() {
			return
		}
		prefers := candidate
		if prefers == "(none)" {
			prefers = installed
		}
		v, _ := version.Parse(version.Debian, prefers) // none of a package apt knows nothing of, which compares with none
		if order, ok := v.Compare(newest); ok && order < 0 {
			pins[pkg] = prefers
		}
	}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimSpace(line)
		key, value, _ := strings.Cut(text, ": ")
		switch {
		case line != "" && line[0] != ' ' && strings.HasSuffix(line, ":"):
			flush()
			pkg, installed, candidate, newest = strings.TrimSuffix(line, ":"), "", "", version.Version{}
			if !strings.Contains(pkg, ":") {
				pkg += ":" + native
			}
		case strings.HasPrefix(line, "  Installed: ") && key == "Installed":
			installed = value
		case strings.HasPrefix(line, "  Candidate: ") && key == "Candidate":
			candidate = value
		case strings.HasPrefix(line, " *** ") || strings.HasPrefix(line, "     ") && !strings.HasPrefix(line, "      "):
			word := strings.Fields(strings.TrimPrefix(text, "*** "))
			if len(word) != 2 {
				continue
			}
			v, err := version.Parse(version.Debian, word[0])
			if err != nil {
				continue
			}
			if order, ok := v.Compare(newest); newest.IsZero() || ok && order > 0 {
				newest = v
			}
		}
	}
	flush()
	return pins
}
