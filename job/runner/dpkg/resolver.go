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

// resolver asks apt's own resolver, by simulation, what would happen to a root if some package files were installed. It knows what is
// installed and those files, nothing else: no repository and no network. So nothing can come in that the order does not bring.
type resolver struct {
	p   *Platform
	dir string
	all []candidate
}

// newResolver prepares a private folder: apt's configuration, the files under names that apt takes, and the package database as
// it will be once an interrupted dpkg is finished.
func (p *Platform) newResolver(db *database, all []candidate) (*resolver, error) {
	if _, err := findProgram("apt-get", p.cfg.Programs...); err != nil {
		return nil, fmt.Errorf("apt-get is not on this machine, and its resolver is needed: %w", err)
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

func (r *resolver) close() { _ = os.RemoveAll(r.dir) } // best effort: it holds links and a copy

func (r *resolver) prepare(db *database) error {
	for _, d := range []string{"state", "lists/partial", "cache/archives/partial", "log"} {
		if err := os.MkdirAll(filepath.Join(r.dir, d), 0o700); err != nil {
			return err
		}
	}
	for i, c := range r.all {
		// The link names this process's descriptor: what was verified is what apt reads.
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

// finished writes the database for apt, with what is unfinished taken as finished: a deploy repairs before it installs.
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

// step is one call of dpkg: unpacking some candidates, or configuring them.
type step struct {
	configure bool
	items     []int
}

// steps are how apt would install candidates. It configures in between what others need configured before they are unpacked.
type steps []step

func (s *steps) add(configure bool, item int) {
	if n := len(*s); n == 0 || (*s)[n-1].configure != configure {
		*s = append(*s, step{configure: configure})
	}
	last := &(*s)[len(*s)-1]
	last.items = append(last.items, item)
}

// unpacks says whether the steps unpack a candidate.
func (s steps) unpacks(item int) bool {
	return slices.ContainsFunc(s, func(t step) bool { return !t.configure && slices.Contains(t.items, item) })
}

// answer is what apt says of a set of candidates.
type answer struct {
	ok     bool
	steps  steps          // when ok
	broken map[int]string // when not: those apt names as broken, with why; it may name none
	why    string         // when not: apt's words in one line
}

// ask simulates. The error is of apt-get not running at all.
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

// plan reads a simulation that went through and makes sure it does what was ordered and nothing else.
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
				return answer{why: "it would bring in " + name + " (CAT-3)"}
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
		case r.all[i].same(): // an interrupted install, once more
			a.steps.add(false, i)
			a.steps.add(true, i)
		default:
			return answer{broken: map[int]string{i: "apt would not install it"}}
		}
	}
	return a
}

// byName finds the candidate that apt calls name: with its architecture when it is a foreign one.
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

// refusal reads why a simulation did not go through. Whom it blames is a hint only: see settle.
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
