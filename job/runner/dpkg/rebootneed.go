package dpkg

import (
	"os"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// marks is what the system itself says about a needed reboot.
type marks struct {
	present  bool
	since    time.Time
	packages map[string]bool // the packages that asked for it
}

const (
	markFile     = "run/reboot-required"
	markPackages = "run/reboot-required.pkgs"
)

func (p *Platform) rebootMarks() marks {
	m := marks{packages: map[string]bool{}}
	if info, err := inroot.Stat(p.cfg.Root, markFile); err == nil {
		m.present, m.since = true, info.ModTime()
	}
	b, err := inroot.ReadFile(p.cfg.Root, markPackages, maxSmall)
	if err != nil {
		return m // no package named itself
	}
	for name := range strings.FieldsSeq(string(b)) {
		m.packages[name] = true
	}
	return m
}

// rebootNeed compares the marks with those before a deploy. For each deployed
// package it reports whether that package needs a reboot (RBT-2): the mark
// names it, whoever left the mark first, or the mark is new and names no
// package.
func (p *Platform) rebootNeed(before marks) func(name string) bool {
	now := p.rebootMarks()
	all := now.present && !before.present && len(now.packages) == 0
	running := ""
	if p.host {
		b, _ := os.ReadFile("/proc/sys/kernel/osrelease") // without it, no kernel package asks for a reboot
		running = strings.TrimSpace(string(b))
	}
	return func(name string) bool {
		return all || now.packages[name] || kernelNeedsReboot(name, running)
	}
}

// kernelNeedsReboot reports whether the package contains the running kernel or
// a newer one.
func kernelNeedsReboot(name, running string) bool {
	if running == "" {
		return false
	}
	release, ok := strings.CutPrefix(name, "linux-image-")
	if !ok {
		return false
	}
	release = strings.TrimPrefix(release, "unsigned-")
	if release == running {
		return true
	}
	if release == "" || release[0] < '0' || release[0] > '9' {
		return false // a package that only depends on the newest kernel
	}
	order, err := version.Compare(version.Debian, release, running)
	return err == nil && order > 0
}
