package dpkg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// pins asks apt, in one call, which installed packages it prefers another version of than the newest it knows: by name and architecture,
// that version. Without apt or its lists there are none.
func (p *Platform) pins(ctx context.Context, db *database) (map[string]string, error) {
	if _, err := exec.LookPath("apt-cache"); err != nil || !p.hasLists() {
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
		conf, err := p.rootAptConf()
		if err != nil {
			return nil, err
		}
		defer os.Remove(conf)
		cmd.Env = append(cmd.Env, "APT_CONFIG="+conf)
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("apt-cache policy: %w%s", err, stderrOf(err))
	}
	return parsePolicy(strings.NewReader(string(out)), p.native)
}

// hasLists says whether apt has downloaded anything in the root.
func (p *Platform) hasLists() bool {
	names, err := os.ReadDir(p.path("var/lib/apt/lists"))
	if err != nil {
		return false
	}
	for _, n := range names {
		if strings.Contains(n.Name(), "_Packages") {
			return true
		}
	}
	return false
}

// rootAptConf writes a configuration that makes the machine's apt look at the root, writing no caches there.
func (p *Platform) rootAptConf() (string, error) {
	f, err := os.CreateTemp("", "patchpolicy-apt-")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	set := func(key, value string) { fmt.Fprintf(&b, "%s %s;\n", key, quote(value)) }
	set("Dir", p.cfg.Root)
	set("Dir::State::status", p.path("var/lib/dpkg/status"))
	set("Dir::Cache::pkgcache", "")
	set("Dir::Cache::srcpkgcache", "")
	set("APT::Architecture", p.native)
	_, err = f.WriteString(b.String())
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// quote makes a value of apt.conf(5).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// parsePolicy reads what "apt-cache policy NAME…" prints.
func parsePolicy(r io.Reader, native string) (map[string]string, error) {
	pins := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
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
		v, err := version.Parse(version.Debian, prefers)
		if err != nil {
			return // a package apt knows nothing of
		}
		if order, ok := v.Compare(newest); ok && order < 0 {
			pins[pkg] = prefers
		}
	}
	for lines.Scan() {
		line := lines.Text()
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
	return pins, lines.Err()
}
