package dpkg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
)

// resolver asks apt's own resolver, by simulation, what would happen to a root
// if some package files were installed. It knows what is installed and those
// files, nothing else: no repository and no network. So nothing can be added
// that the order does not contain.
type resolver struct {
	apt *Apt
	all []candidate
}

// newResolver prepares a private folder: apt's configuration, the files under
// names that apt accepts, and the package database as it will be after an
// interrupted dpkg is finished.
func (p *Platform) newResolver(db *database, all []candidate) (*resolver, error) {
	apt, err := p.openApt(db, func(a *Apt) error {
		settings := []string{
			"Dir::State", a.dir,
			"Dir::State::lists", a.dir,
			"Dir::State::status", a.file("status"),
			"Dir::Cache", a.dir,
			"Dir::Log", a.dir,
			"APT::Architecture", p.native,
			"APT::Install-Recommends", "false",
			"APT::Get::Remove", "false",
			"Debug::NoLocking", "true",
		}
		for _, key := range []string{"main", "parts", "sourcelist", "sourceparts", "preferences", "preferencesparts"} {
			settings = append(settings, "Dir::Etc::"+key, "/dev/null")
		}
		for _, arch := range debian.Architectures(p.cfg.Root) {
			settings = append(settings, "APT::Architectures::", arch)
		}
		err := errors.Join(a.settle(), os.WriteFile(a.file("apt.conf"), []byte(aptConf(settings...)), 0o600))
		for i, c := range all {
			// The link leads to this process's descriptor: apt reads what was
			// verified.
			err = errors.Join(err, os.Symlink(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), c.file.Fd()), a.deb(i)))
		}
		return err
	})
	return &resolver{apt, all}, err
}

func (a *Apt) deb(i int) string { return a.file(strconv.Itoa(i) + ".deb") }

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
		args = append(args, r.apt.deb(i))
	}
	out, failed, err := r.apt.run(ctx, "apt-get", args...)
	if err != nil || failed != "" {
		return r.refusal(out, set), err
	}
	return r.plan(out, set), nil
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
		case slices.ContainsFunc(a.steps, func(s step) bool { return !s.configure && slices.Contains(s.items, i) }):
		case r.all[i].same(): // an interrupted install, again
			a.steps.add(false, i)
			a.steps.add(true, i)
		default:
			return answer{broken: map[int]string{i: "apt would not install it"}}
		}
	}
	return a
}

// byName finds the candidate that apt calls name; -1: none.
func (r *resolver) byName(name string, set []int) int {
	for _, i := range set {
		if r.all[i].Package == r.apt.parse(name) {
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
	section, last := "", -1
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, " "):
			section = text
			if words, is := strings.CutPrefix(text, "E: "); is && len(why) == 0 {
				why = append(why, words)
			}
		case strings.Contains(section, "unmet dependencies"):
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
		case strings.Contains(section, "REMOVED"):
			why = append(why, "it would remove "+text+" (CAT-3)")
		}
	}
	a.why = strings.Join(why, "; ")
	return a
}

// settle splits the candidates 0 to n-1 into those that can be installed
// together and those that are refused, each with the reason that ask gives for
// it together with the accepted ones. It refuses exactly those that do not
// install even then: ask decides; whom it blames is only a hint.
func settle(n int, ask func(set []int) (answer, error)) (order steps, refused map[int]string, err error) {
	s := settler{ask: ask}
	left := make([]int, n)
	for i := range left {
		left[i] = i
	}
	for again := true; again && len(left) > 0; {
		before := len(left)
		left, err = s.grow(left)
		if err == nil && len(left) == before && before > 2 {
			left, err = s.leaveOneOut(left)
		}
		if err != nil {
			return nil, nil, err
		}
		again = len(left) < before
	}
	refused = map[int]string{}
	for _, i := range left {
		a, err := s.ask(s.with(i))
		if err != nil {
			return nil, nil, err
		}
		refused[i] = cmp.Or(a.broken[i], a.why, "apt would not install it beside the others")
	}
	return s.steps, refused, nil
}

type settler struct {
	ask      func(set []int) (answer, error)
	accepted []int
	steps    steps // the accepted ones as ask ordered them
}

func (s *settler) with(more ...int) []int {
	set := slices.Concat(s.accepted, more)
	slices.Sort(set)
	return set
}

// try accepts the items if they can be installed together with the accepted
// ones.
func (s *settler) try(items []int) (answer, error) {
	a, err := s.ask(s.with(items...))
	if err == nil && a.ok {
		s.accepted, s.steps = s.with(items...), a.steps
	}
	return a, err
}

// grow accepts what it can of the items and returns the rest. If ask blames
// some, they are set aside; if it blames none, halves are tried, which finds
// the cause with few questions.
func (s *settler) grow(items []int) (left []int, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	a, err := s.try(items)
	if err != nil || a.ok {
		return nil, err
	}
	if len(items) == 1 {
		return items, nil
	}
	var blamed, rest []int
	for _, i := range items {
		if _, bad := a.broken[i]; bad {
			blamed = append(blamed, i)
		} else {
			rest = append(rest, i)
		}
	}
	if len(blamed) == 0 || len(rest) == 0 {
		rest, blamed = items[:len(items)/2], items[len(items)/2:]
		more, err := s.grow(blamed)
		if err != nil {
			return nil, err
		}
		blamed = more
	}
	left, err = s.grow(rest)
	left = append(left, blamed...)
	slices.Sort(left)
	return left, err
}

// leaveOneOut finds a single cause among items that need each other.
func (s *settler) leaveOneOut(items []int) (left []int, err error) {
	for _, i := range items {
		others := slices.DeleteFunc(slices.Clone(items), func(j int) bool { return j == i })
		a, err := s.try(others)
		if err != nil {
			return nil, err
		}
		if a.ok {
			return []int{i}, nil
		}
	}
	return items, nil
}
