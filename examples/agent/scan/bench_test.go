package scan

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// scanner is the argument that makes this test program scan the host and do
// nothing else.
const scanner = "scan-the-host"

func scanHost() int {
	r, err := Run(context.Background(), Config{Root: "/", IgnoreValidUntil: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := r.Table(os.Stdout); err != nil {
		return 1
	}
	return 0
}

// cost is the CPU time of a program and all that it starts, in seconds, and the
// most memory one of them holds, in kB.
func cost(b *testing.B, program string, args ...string) (cpu, memory float64) {
	b.Helper()
	cmd := exec.Command(program, args...)
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v %s", program, err, out)
	}
	used, is := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !is {
		b.Fatal("this system does not say what a program used")
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), float64(used.Maxrss)
}

// A scan of this machine against "apt list --upgradable", in the same run: want
// at most 2 of each.
func BenchmarkAgainstApt(b *testing.B) {
	if lists, _ := filepath.Glob("/var/lib/apt/lists/*_Packages*"); len(lists) == 0 {
		b.Skip("SKIPPED ALOUD: no downloaded lists here: run apt-get update first")
	}
	var ours, apts, kB, aptsKB float64
	for b.Loop() {
		cpu, memory := cost(b, "/proc/self/exe", scanner)
		ours, kB = ours+cpu, max(kB, memory)
		cpu, memory = cost(b, "apt", "list", "--upgradable")
		apts, aptsKB = apts+cpu, max(aptsKB, memory)
	}
	b.ReportMetric(ours/apts, "cpu/apt")
	b.ReportMetric(kB/aptsKB, "memory/apt")
	b.ReportMetric(ours/float64(b.N), "cpu-s/op")
	b.ReportMetric(kB/1000, "MB")
}
