package dpkg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// resolver asks apt's own resolver, by simulation, what would happen to a root
// if some package files were installed. It knows what is installed and those
// files, nothing else: no repository and no network. So nothing can be added
// that the order does not contain.
type resolver struct {
	p   *Platform
	dir string
	all []candidate
}

// newResolver prepares a private folder: apt's configuration, the files under
// names that apt accepts, and the package database as it will be after an
// interrupted dpkg is finished.
func (p *Platform) newResolver(db *database, all []candidate) (*resolver, error) {
	if _, err := findProgram("/", "apt-get", p.cfg.Programs...); err != nil {
		return nil, fmt.Errorf("apt-get is not on this machine, and its resolver is needed (install the package apt): %w", err)
	}
	dir, err := os.MkdirTemp(p.cfg.Temp, "patchpolicy-resolve-")
	if err != nil {
		return nil, err
	}
	r := &resolver{p: p, dir: dir, all: all}
	if err := r.prepare(db); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *resolver) close() { _ = os.RemoveAll(r.dir) } // best effort: it contains links and a copy

func (r *resolver) prepare(db *database) error {
	for _, d := range []string{"state", "lists/partial", "cache/archives/partial", "log"} {
		if err := os.MkdirAll(filepath.Join(r.dir, d), 0o700); err != nil {
			return err
		}
	}
	for i, c := range r.all {
		// The link leads to this process's descriptor: apt reads what was
		// verified.
		to := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), c.file.Fd())
		if err := os.Symlink(to, filepath.Join(r.dir, debName(i))); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(r.dir, "status"), []byte(finished(db)), 0o600); err != nil {
		return err
	}
	settings := []string{
		"Dir::State", filepath.Join(r.dir, "state"),
		"Dir::State::lists", filepath.Join(r.dir, "lists"),
		"Dir::State::status", filepath.Join(r.dir, "status"),
		"Dir::Cache", filepath.Join(r.dir, "cache"),
		"Dir::Log", filepath.Join(r.dir, "log"),
		"APT::Architecture", r.p.native,
		"APT::Install-Recommends", "false",
		"APT::Get::Remove", "false",
		"Debug::NoLocking", "true",
	}
	for _, key := range []string{"main", "parts", "sourcelist", "sourceparts", "preferences", "preferencesparts"} {
		settings = append(settings, "Dir::Etc::"+key, "/dev/null")
	}
	for _, a := range db.architectures() {
		settings = append(settings, "APT::Architectures::", a)
	}
	return os.WriteFile(filepath.Join(r.dir, "apt.conf"), []byte(aptConf(settings...)), 0o600)
}

func debName(i int) string { return strconv.Itoa(i) + ".deb" }

// finished writes the database for apt, with everything unfinished taken as
// finished: a deploy repairs before it installs.
func finished(db *database) string {
	var b strings.Builder
	for _, e := range db.entries {
		if !e.present() {
			continue
		}
		fmt.Fprintf(&b, "Package: %s\nStatus: install ok installed\nVersion: %s\nArchitecture: %s\n", e.name, e.version, e.arch)
		for _, f := range e.fields {
			fmt.Fprintf(&b, "%s: %s\n", f.Name, strings.ReplaceAll(f.Value, "\n", "\n "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// step is one call of dpkg: it unpacks some candidates, or configures them.
type step struct {
	configure bool
	items     []int
}

// steps are how apt would install candidates. It configures some before it
// unpacks others that need them configured.
type steps []step

func (s *steps) add(configure bool, item int) {
	if n := len(*s); n == 0 || (*s)[n-1].configure != configure {
		*s = append(*s, step{configure: configure})
	}
	last := &(*s)[len(*s)-1]
	last.items = append(last.items, item)
}

// unpacks reports whether the steps unpack a candidate.
func (s steps) unpacks(item int) bool {
	return slices.ContainsFunc(s, func(t step) bool { return !t.configure && slices.Contains(t.items, item) })
}

// answer is what apt says about a set of candidates.
type answer struct {
	ok     bool
	steps  steps          // if ok
	broken map[int]string // if not ok: the candidates that apt calls broken, with the reason; it may name none
	why    string         // if not ok: apt's reason in one line
}

// ask simulates. The error is for an apt-get that did not run.
func (r *resolver) ask(ctx context.Context, set []int) (answer, error) {
	args := []string{"--simulate", "--quiet", "install"}
	for _, i := range set {
		args = append(args, "./"+debName(i))
	}
	cmd := r.p.tool(ctx, "apt-get", args...)
	cmd.Dir = r.dir
	cmd.Env = append(cmd.Env, "APT_CONFIG="+filepath.Join(r.dir, "apt.conf"))
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	if _, ran := errors.AsType[*exec.ExitError](err); err != nil && !ran {
		return answer{}, fmt.Errorf("apt-get: %w", err)
	}
	if err != nil {
		return r.refusal(string(out), set), nil
	}
	return r.plan(string(out), set), nil
}

// plan reads a simulation that succeeded, and checks that it does what was
// ordered and nothing else.
func (r *resolver) plan(out string, set []int) answer {
	a := answer{ok: true}
	for line := range strings.Lines(out) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, rest, _ := strings.Cut(rest, " ")
		switch verb {
		case "Inst":
			i := r.byName(name, set)
			switch {
			case i < 0:
				return answer{why: "it would add " + name + " (CAT-3)"}
			case !strings.HasPrefix(rest, "["):
				return answer{broken: map[int]string{i: "it would be installed for the first time (CAT-3)"}}
			}
			a.steps.add(false, i)
		case "Conf":
			if i := r.byName(name, set); i >= 0 {
				a.steps.add(true, i)
			}
		case "Remv", "Purg":
			return answer{why: "it would remove " + name + " (CAT-3)"}
		}
	}
	for _, i := range set {
		switch {
		case a.steps.unpacks(i):
		case r.all[i].same(): // an interrupted install, again
			a.steps.add(false, i)
			a.steps.add(true, i)
		default:
			return answer{broken: map[int]string{i: "apt would not install it"}}
		}
	}
	return a
}

// byName finds the candidate that apt calls name: with its architecture if that
// is foreign.
func (r *resolver) byName(name string, set []int) int {
	base, arch, foreign := strings.Cut(name, ":")
	if !foreign {
		arch = r.p.native
	}
	for _, i := range set {
		if r.all[i].name == base && r.all[i].arch == arch {
			return i
		}
	}
	return -1
}

// refusal reads why a simulation failed. The package that it blames is a hint
// only, see settle.
func (r *resolver) refusal(out string, set []int) answer {
	a := answer{broken: map[int]string{}}
	var why []string
	unmet, removed := false, false
	last := -1
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "The following packages have unmet dependencies"):
			unmet, removed = true, false
		case strings.HasPrefix(line, "The following packages will be REMOVED"):
			unmet, removed = false, true
		case strings.HasPrefix(line, " ") && unmet:
			name, problem, named := strings.Cut(text, " : ")
			if named {
				last = r.byName(name, set)
				why = append(why, name+": "+problem)
			} else {
				problem = text
				why = append(why, problem)
			}
			if last >= 0 {
				a.broken[last] = strings.TrimPrefix(a.broken[last]+"; "+problem, "; ")
			}
		case strings.HasPrefix(line, " ") && removed:
			why = append(why, "it would remove "+text+" (CAT-3)")
		case strings.HasPrefix(text, "E: "):
			unmet, removed = false, false
			if len(why) == 0 {
				why = append(why, strings.TrimPrefix(text, "E: "))
			}
		default:
			unmet, removed = false, false
		}
	}
	a.why = strings.Join(why, "; ")
	return a
}
