package dpkg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Install upgrades packages in one transaction of dpkg. First it finishes what
// an interrupted dpkg left. If ctx ends before dpkg runs, Install returns
// without a change; after that it waits for dpkg even if ctx ends (JOB-10), up
// to limit. The repair and the transaction have that time each (JOB-25).
func (p *Platform) Install(ctx context.Context, patches []runner.Staged, limit time.Duration) ([]execution.InstallResult, error) {
	if err := checkRoot(ctx, p.cfg.Root, dpkgWrites...); err != nil {
		return nil, err
	}
	locks, err := p.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer locks.close()
	repaired, err := p.repair(ctx, locks, limit)
	if err != nil {
		return nil, err
	}
	db, err := p.database()
	if err != nil {
		return nil, err
	}
	plan, err := p.plan(ctx, db, patches)
	if err != nil {
		return nil, err
	}
	marks := p.rebootMarks()
	var ran transcript
	if todo := plan.todo(); len(todo) > 0 {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if ran, err = p.install(ctx, locks, plan.all, todo, limit); err != nil {
			return nil, err
		}
	}
	after, err := p.database()
	if err != nil {
		return nil, err
	}
	needs := p.rebootNeed(marks)
	results := make([]execution.InstallResult, 0, len(patches))
	for _, s := range patches {
		r := execution.InstallResult{Index: s.Index}
		if why, no := plan.refused[s.Index]; no {
			r.Code, r.Text = job.InstallerFailed, why
		} else {
			p.judge(&r, s, plan.versions[s.Index], after, ran, repaired)
			_, _, name, _ := debian.SplitProductID(s.Patch.Product)
			r.Reboot = r.Code == 0 && needs(name)
		}
		results = append(results, r)
	}
	return results, nil
}

// within returns a context that ends at the limit (JOB-25), not with ctx
// (JOB-10).
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if ctx = context.WithoutCancel(ctx); limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// judge decides by the database after the install. dpkg's exit code alone is
// for the whole transaction.
func (p *Platform) judge(r *execution.InstallResult, s runner.Staged, want version.Version, after *database, ran transcript, repaired string) {
	_, arch, name, _ := debian.SplitProductID(s.Patch.Product)
	e, _ := after.find(arch, name)
	if e.installed() && e.version == want.String() {
		return
	}
	r.Code = job.InstallerFailed
	if ran.ended {
		r.Code = job.DeployerProcessCrashed
	}
	text := fmt.Sprintf("dpkg left %s %s at version %s instead of %s.", name, e.state, e.version, want)
	if e.version == want.String() {
		text = fmt.Sprintf("dpkg left %s %s at version %s.", name, e.state, e.version)
	}
	if why, last := ran.about(name); why != "" {
		if last != "" { // it comes first, because lists show only the beginning
			text = problem.Clip(last, maxLast) + ": " + text
		}
		text += "\n" + why
	} else if ran.err != "" {
		text += "\n" + ran.err + "\n" + lastLines(ran.output, 1500)
	}
	if after.dirty() {
		text += "\nThe package database has errors: remove the cause, then run " + p.wording("dpkg --configure -a") + " on the asset."
	}
	if repaired != "" {
		text += "\nThe repair of an earlier interruption failed: " + lastLines(repaired, 500)
	}
	r.Text = text
}

// wording is a command of dpkg as the administrator of this root types it.
func (p *Platform) wording(dpkg string) string {
	if p.host {
		return dpkg
	}
	return strings.Replace(dpkg, "dpkg ", "dpkg --root="+p.cfg.Root+" ", 1)
}

// transcript is the result of a run of dpkg.
type transcript struct {
	output string // the end of its output, with the descriptors' paths replaced by names
	err    string // how it failed; empty: it did not
	ended  bool   // at the install limit (JOB-25)
}

// maxLast is how many bytes of a script's last words the first line repeats.
const maxLast = 200

// about returns what dpkg printed about the failure of a package, and the line
// of it that says most: the last that the package's own script printed, or else
// dpkg's last.
func (t transcript) about(name string) (why, last string) {
	var found []string
	about := regexp.MustCompile("^dpkg: (error processing (package|archive)|dependency problems prevent configuration of) " + regexp.QuoteMeta(name) + "[ :]")
	lines := strings.Split(t.output, "\n")
	for i := 0; i < len(lines); i++ {
		if !about.MatchString(lines[i]) {
			continue
		}
		var words []string
		if strings.HasPrefix(lines[i], "dpkg: error processing") { // otherwise its script did not run
			words = said(lines, i)
		}
		if n := len(words); n > 0 {
			last = strings.TrimSpace(words[n-1])
		}
		found = append(found, words...)
		found = append(found, lines[i])
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") {
			i++
			found = append(found, lines[i])
			if len(words) == 0 {
				last = strings.TrimSpace(lines[i])
			}
		}
	}
	return lastLines(strings.Join(found, "\n"), 2000), last
}

// said returns the few lines before line i that the package's own script
// printed: they are the reason that an administrator needs.
func said(lines []string, i int) []string {
	const most = 8
	from := i
	for from > 0 && i-from < most {
		line := lines[from-1]
		if strings.HasPrefix(line, "dpkg: ") || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "Setting up ") ||
			strings.HasPrefix(line, "Preparing to unpack ") || strings.HasPrefix(line, "Unpacking ") {
			break
		}
		from--
	}
	return lines[from:i]
}

// todo is the steps without the packages that an interrupted install brought to
// their version and the repair finished (JOB-17).
func (d deployment) todo() steps {
	var todo steps
	for _, s := range d.steps {
		for _, i := range s.items {
			if c := d.all[i]; !c.same() || !c.installed.installed() {
				todo.add(s.configure, i)
			}
		}
	}
	return todo
}

// install runs the steps, in one call of dpkg unless apt wants a package
// configured before another is unpacked. A step that fails does not stop the
// others (JOB-2). Nothing is configured twice.
func (p *Platform) install(ctx context.Context, locks *locks, all []candidate, todo steps, limit time.Duration) (transcript, error) {
	ctx, cancel := within(ctx, limit)
	defer cancel()
	undo, err := p.forbidServices()
	if err != nil {
		return transcript{}, err
	}
	defer undo()
	if len(todo) == 1 || len(todo) == 2 && todo[1].configure {
		return p.call(ctx, locks, all, todo[0].items, "--install")
	}
	var t transcript
	for _, s := range todo {
		mode := "--unpack"
		if s.configure {
			mode = "--configure"
		}
		one, err := p.call(ctx, locks, all, s.items, mode)
		if err != nil {
			return t, err
		}
		t.output += one.output
		t.err = cmp.Or(t.err, one.err)
		t.ended = t.ended || one.ended
	}
	return t, nil
}

// call runs dpkg on candidates: on their descriptors, or on their names to
// configure them.
func (p *Platform) call(ctx context.Context, locks *locks, all []candidate, items []int, mode string) (transcript, error) {
	args := []string{"--force-confdef", "--force-confold", "--refuse-downgrade", "--auto-deconfigure", mode}
	var files []*os.File
	var names []string
	for n, i := range items {
		c := all[i]
		if mode == "--configure" {
			name := c.Package.String()
			if c.own == "all" {
				name = c.Name
			}
			args = append(args, name)
			continue
		}
		path := "/proc/self/fd/" + strconv.Itoa(firstDescriptor+n)
		args = append(args, path)
		files = append(files, c.file)
		names = append(names, path+" ", c.Name+" ") // the space keeps /fd/1 apart from /fd/10
	}
	t, err := p.dpkg(ctx, locks, files, args...)
	t.output = strings.NewReplacer(names...).Replace(t.output)
	return t, err
}

// firstDescriptor is the first extra file's descriptor in the child.
const firstDescriptor = 3

// overLimit is the error of a dpkg that reached the install limit.
const overLimit = "dpkg was ended: it ran longer than the install limit of the job"

// dpkg runs dpkg to its end, or until ctx ends: then it and everything it
// started gets SIGTERM, and SIGKILL after Config.Grace. Its output goes to a
// file, so that dpkg outlives this process: a pipe that nobody reads would kill
// it. The error is for a dpkg that did not run; the transcript has the failure
// of one that did.
func (p *Platform) dpkg(ctx context.Context, locks *locks, files []*os.File, args ...string) (transcript, error) {
	out, err := p.outputFile()
	if err != nil {
		return transcript{}, err
	}
	defer out.Close()
	if !p.host {
		args = append([]string{"--root=" + p.cfg.Root}, args...)
	}
	cmd := command(ctx, "dpkg", args...)
	if n := len(files) + 256; n > 1024 { // the usual limit of open files; the agent's own is higher
		cmd = command(ctx, "sh", append([]string{"-c", `ulimit -n "$0" && exec "$@"`, strconv.Itoa(n), cmd.Path}, args...)...)
	}
	cmd.Env = append(cmd.Env, "DPKG_FRONTEND_LOCKED=true")
	cmd.ExtraFiles = files
	cmd.Stdout, cmd.Stderr = out, out
	detach(cmd, p.cfg.Grace)
	if err := locks.yield(); err != nil {
		return transcript{}, err
	}
	if ctx.Err() != nil { // an earlier call used up the time
		return transcript{err: overLimit, ended: true}, nil
	}
	ran := cmd.Run()
	text, err := tail(out, maxOutput)
	if err != nil {
		text += "\n(its output could not be read: " + err.Error() + ")"
	}
	t := transcript{output: text}
	if ran != nil && ctx.Err() != nil {
		sweep(cmd, p.cfg.Grace)
		t.err, t.ended = overLimit, true
		return t, nil
	}
	if _, exited := errors.AsType[*exec.ExitError](ran); exited {
		t.err = "dpkg ended with " + ran.Error()
	} else if ran != nil {
		return t, fmt.Errorf("dpkg could not be run: %w", ran)
	}
	return t, nil
}

// maxOutput is how many bytes of dpkg's output are read, from its end: the
// errors of a large transaction fit.
const maxOutput = 256 << 10

// outputFile is a file without a name for a program's output.
func (p *Platform) outputFile() (*os.File, error) {
	f, err := os.CreateTemp(p.cfg.Temp, "patchpolicy-output-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func tail(f *os.File, most int64) (string, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	b := make([]byte, min(end, most))
	_, err = f.ReadAt(b, end-int64(len(b)))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.ToValidUTF8(string(b), "?"), err
}

// repair finishes what an interrupted dpkg left. It returns what dpkg said if
// that failed.
func (p *Platform) repair(ctx context.Context, locks *locks, limit time.Duration) (string, error) {
	ctx, cancel := within(ctx, limit)
	defer cancel()
	db, err := p.database()
	if err != nil {
		return "", err
	}
	if !db.dirty() {
		return "", nil
	}
	p.cfg.Logger.Warn("dpkg was interrupted earlier; finishing its work first", "command", p.wording("dpkg --configure -a"))
	undo, err := p.forbidServices()
	if err != nil {
		return "", err
	}
	defer undo()
	t, err := p.dpkg(ctx, locks, nil, "--force-confdef", "--force-confold", "--configure", "-a")
	if err != nil || t.err == "" {
		return "", err
	}
	return t.err + "\n" + lastLines(t.output, 1500), nil
}

// policy keeps packages of a root folder from starting services on the host.
const policy = "#!/bin/sh\n# Put here by patchpolicy while packages are deployed: services of a root folder are not started.\nexit 101\n"

// forbidServices puts the policy into a root folder that has none, and returns
// the function that removes it.
func (p *Platform) forbidServices() (undo func(), err error) {
	if p.host {
		return func() {}, nil
	}
	const name = "usr/sbin/policy-rc.d"
	undo = func() { _ = inroot.Remove(p.cfg.Root, name) }                                         // if this fails, the next deploy finds and removes it
	if b, err := inroot.ReadFile(p.cfg.Root, name, maxSmall); err == nil && string(b) == policy { // left by a crash
		return undo, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err := inroot.MkdirAll(p.cfg.Root, path.Dir(name), 0o755); err != nil {
		return nil, err
	}
	f, err := inroot.OpenFile(p.cfg.Root, name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(policy)
	if err = errors.Join(err, f.Close()); err != nil {
		undo()
	}
	return undo, err
}
