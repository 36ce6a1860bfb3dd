package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	sample := flag.Int("sample", 0, "try only so many mutants a package, drawn at random; 0: all")
	seed := flag.Uint64("seed", 1, "of the draw")
	tests := flag.String("test", "", "packages whose tests are run as well, separated by spaces")
	jobs := flag.Int("jobs", 2, "mutants tried at a time")
	timeout := flag.Duration("timeout", time.Minute, "of one mutant's tests; one that hangs counts as killed, and is counted apart as well")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "mutate: name the packages, as in: go run ./internal/mutate ./reboot ./integrity")
		os.Exit(2)
	}
	for _, pkg := range flag.Args() {
		if err := run(pkg, strings.Fields(*tests), *sample, *seed, *jobs, *timeout); err != nil {
			fmt.Fprintln(os.Stderr, "mutate:", err)
			os.Exit(1)
		}
	}
}

// run tries the mutants of one package and prints the survivors and the score.
func run(pkg string, tests []string, sample int, seed uint64, jobs int, timeout time.Duration) error {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", pkg).Output()
	if err != nil {
		return fmt.Errorf("%s is no package: %w", pkg, err)
	}
	list, err := mutantsOf(strings.TrimSpace(string(dir)))
	if err != nil {
		return err
	}
	if sample > 0 && sample < len(list) {
		draw := rand.New(rand.NewPCG(seed, seed))
		draw.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:sample]
	}
	packages := append([]string{pkg}, tests...)
	for _, short := range lengths {
		if out, err := test(short, timeout, packages); err != nil {
			return fmt.Errorf("the tests of %s fail without any mutant (%s): %w\n%s", pkg, short, err, out)
		}
	}
	fates := make([]fate, len(list))
	errs := make([]error, len(list))
	var wait sync.WaitGroup
	places := make(chan struct{}, max(jobs, 1))
	for i, m := range list {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			fates[i], errs[i] = try(m, packages, timeout)
			if fates[i] == survived && errs[i] == nil {
				fmt.Printf("survivor  %s:%d:%d  %s\n", filepath.Base(m.file), m.at.Line, m.at.Column, m.what)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	count := map[fate]int{}
	for _, f := range fates {
		count[f]++
	}
	noticed := count[killed] + count[hung]
	total := noticed + count[survived]
	fmt.Printf("%s: %d of %d mutants killed (%.1f %%), %d of them hung; %d do not compile\n",
		pkg, noticed, total, 100*float64(noticed)/float64(max(total, 1)), count[hung], count[invalid])
	return nil
}

// fate is what became of a mutant.
type fate int

const (
	survived fate = iota
	killed
	hung    // its tests did not end
	invalid // it does not compile
)

// notCompiled is how the compiler names a place in the code.
var notCompiled = regexp.MustCompile(`\.go:\d+:\d+: `)

// try runs the tests against one mutant.
func try(m mutant, packages []string, timeout time.Duration) (fate, error) {
	tmp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	code, overlay := filepath.Join(tmp, "mutant.go"), filepath.Join(tmp, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: code}})
	if err != nil {
		return 0, err
	}
	if err := errors.Join(os.WriteFile(code, m.code, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return 0, err
	}
	if out, err := exec.Command("go", append([]string{"build", "-overlay", overlay}, packages...)...).CombinedOutput(); err != nil {
		if !notCompiled.Match(out) {
			return 0, fmt.Errorf("cannot build, and not because of a mutant: %w\n%s", err, out)
		}
		return invalid, nil
	}
	for _, short := range lengths {
		switch out, err := test(short, timeout, packages, "-overlay", overlay); {
		case bytes.Contains(out, []byte("panic: test timed out after")):
			return hung, nil
		case err != nil:
			return killed, nil
		}
	}
	return survived, nil
}

// lengths: most mutants are noticed by the quick tests already.
var lengths = []string{"-short=true", "-short=false"}

func test(length string, timeout time.Duration, packages []string, flags ...string) ([]byte, error) {
	args := append([]string{"test", "-vet=off", "-failfast", length, "-timeout", timeout.String()}, flags...)
	return exec.Command("go", append(args, packages...)...).CombinedOutput()
}
