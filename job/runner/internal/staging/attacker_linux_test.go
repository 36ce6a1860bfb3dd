package staging_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// attackEnv makes this program the attacker, which another user's process runs.
const attackEnv = "STAGING_TEST_ATTACK"

func TestMain(m *testing.M) {
	if text := os.Getenv(attackEnv); text != "" {
		var a attack
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			panic(err)
		}
		a.run()
		return
	}
	os.Exit(m.Run())
}

// attack says what to swap for what.
type attack struct {
	Stage string   // the folder for staged files
	Paths []string // below it: of files to swap
	Own   string   // a folder of the attacker's
	Swap  bool     // do nothing but exchange the first two of Paths
	Seed  uint64
}

const evil = "these bytes were never verified"

// run swaps, truncates and links whatever it can, in any order, until its input
// ends. It prints how often which attempt worked.
func (a attack) run() {
	worked := map[string]int{}
	try := func(name string, err error) {
		if err == nil {
			worked[name]++
		}
	}
	r := rand.New(rand.NewPCG(a.Seed, 1))
	away, twin := filepath.Join(filepath.Dir(a.Stage), "away"), filepath.Join(a.Own, "twin")
	bait, held := filepath.Join(a.Own, "bait"), []*os.File{}
	lay := func(root string) { // a folder that looks like the real one, with other bytes
		for _, p := range a.Paths {
			p = filepath.Join(root, p)
			_ = os.MkdirAll(filepath.Dir(p), 0o777)
			_ = os.WriteFile(p, []byte(evil), 0o666)
			if f, err := os.OpenFile(p, os.O_WRONLY, 0); err == nil && len(held) < 64 {
				held = append(held, f) // to write later, into what it has become
			}
		}
	}
	folders := []func(){
		func() { try("rename the folder away", os.Rename(a.Stage, away)) },
		func() { try("rename it back", os.Rename(away, a.Stage)) },
		func() { try("link in its place", os.Symlink(twin, a.Stage)) },
		func() { lay(twin); try("twin in its place", os.Rename(twin, a.Stage)) },
		func() { try("take the place", os.Mkdir(a.Stage, 0o777)) },
		func() { try("delete what is in its place", os.Remove(a.Stage)) },
		func() { lay(a.Stage) },
	}
	files := []func(path string){
		func(p string) { try("delete a file", os.Remove(p)) },
		func(p string) { try("truncate a file", os.Truncate(p, 3)) },
		func(p string) { try("link for a file", os.Symlink(bait, p)) },
		func(p string) { try("hard link for a file", os.Link(bait, p)) },
		func(p string) { try("second name for a file", os.Link(p, p+".second")) },
		func(p string) {
			_ = os.WriteFile(bait, []byte(evil), 0o666)
			try("file in its place", os.Rename(bait, p))
		},
		func(p string) {
			try("rename an order's folder", os.Rename(filepath.Dir(filepath.Dir(p)), a.Stage+"/moved"))
		},
		func(p string) { try("rename a patch's folder", os.Rename(filepath.Dir(p), filepath.Dir(p)+".moved")) },
		func(p string) {
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString(evil)
				_ = f.Close()
			}
			try("write into a file", err)
		},
	}
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(ended) }()
	fmt.Println("ready")
	for {
		select {
		case <-ended:
			_ = json.NewEncoder(os.Stdout).Encode(worked)
			return
		default:
		}
		switch {
		case a.Swap: // for what the agent itself verified, and private, but another file: only its digest differs
			zero, one := filepath.Join(a.Stage, a.Paths[0]), filepath.Join(a.Stage, a.Paths[1])
			try("exchange two staged files", unix.Renameat2(unix.AT_FDCWD, zero, unix.AT_FDCWD, one, unix.RENAME_EXCHANGE))
		case r.IntN(2) == 0:
			folders[r.IntN(len(folders))]()
		default:
			files[r.IntN(len(files))](filepath.Join(a.Stage, a.Paths[r.IntN(len(a.Paths))]))
		}
		for _, f := range held {
			_, _ = f.WriteAt([]byte(evil), 0)
		}
	}
}
