package versions

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// dpkgProgram asks the library that dpkg is made of.
const dpkgProgram = `
#define LIBDPKG_VOLATILE_API
#include <dpkg/dpkg.h>
#include <dpkg/dpkg-db.h>
#include <dpkg/version.h>
#include <dpkg/parsedump.h>
#include <stdio.h>
int main(void) {
	static char a[1024], b[1024];
	while (scanf("%1000s %1000s", a, b) == 2) {
		struct dpkg_version v, w;
		struct dpkg_error err = DPKG_ERROR_INIT;
		// an error may be one that dpkg only warns of, such as no digit at the beginning
		if (parseversion(&v, a, &err) < 0 && err.type != DPKG_MSG_WARN || parseversion(&w, b, &err) < 0 && err.type != DPKG_MSG_WARN) {
			puts("refused");
			continue;
		}
		int order = dpkg_version_compare(&v, &w);
		printf("%d\n", order < 0 ? -1 : order > 0);
	}
	return 0;
}
`

// programs print the order of pairs, one on each line.
var programs = map[version.Scheme]func(t *testing.T, pairs string) string{
	version.Debian: func(t *testing.T, pairs string) string {
		if _, err := os.Stat("/usr/include/dpkg/version.h"); err != nil {
			absent(t, "libdpkg-dev is not installed")
		}
		program := filepath.Join(t.TempDir(), "order")
		compile := exec.Command("gcc", "-x", "c", "-w", "-o", program, "-", "-x", "none", "-ldpkg", "-lmd")
		compile.Stdin = strings.NewReader(dpkgProgram)
		out, err := compile.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return run(t, exec.Command(program), pairs)
	},
	version.Rpm: func(t *testing.T, pairs string) string {
		rpm, err := exec.LookPath("rpm")
		if err != nil {
			absent(t, "rpm is not installed")
		}
		file := filepath.Join(t.TempDir(), "pairs")
		require.NoError(t, os.WriteFile(file, []byte(pairs), 0o600))
		return run(t, exec.Command(rpm, "--eval", `%{lua: for a, b in io.open("`+file+`"):read("a"):gmatch("(%S+) (%S+)") do
			local v, w = rpm.ver(a), rpm.ver(b)
			print((v < w and -1 or v == w and 0 or 1) .. string.char(10))
		end}`), "")
	},
}

func run(t *testing.T, cmd *exec.Cmd, input string) string {
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	require.NoError(t, err, "%s", cmd)
	return string(out)
}

// The programs order as we do, and of the peers each does unless it is listed with a pair that it
// orders wrongly.
func TestOrder_CAT20(t *testing.T) {
	for _, s := range []version.Scheme{version.Semver, version.Debian, version.Rpm, version.Apk} {
		t.Run(string(s), func(t *testing.T) {
			pairs := real(t, s)
			lists := len(pairs)
			pairs = append(pairs, random(s, pairs)...)
			var text strings.Builder
			ours := make([]int, len(pairs))
			counts := map[int]int{}
			for i, p := range pairs {
				order, err := version.Compare(s, p[0], p[1])
				require.NoError(t, err)
				if parsed, _ := must(t, s, p[0]).Compare(must(t, s, p[1])); parsed != order {
					t.Errorf("%q with %q: %d as texts, %d parsed", p[0], p[1], order, parsed)
				}
				ours[i] = order
				counts[order]++
				text.WriteString(p[0] + " " + p[1] + "\n")
			}
			t.Logf("%d pairs of real versions and %d made up: %v", lists, len(pairs)-lists, counts)
			if program, has := programs[s]; has {
				answers := strings.Fields(program(t, text.String()))
				require.Len(t, answers, len(pairs))
				mismatches := 0
				for i, p := range pairs {
					if answers[i] != strconv.Itoa(ours[i]) {
						mismatches++
						t.Errorf("%q with %q: %s says the scheme's own program, and we say %d", p[0], p[1], answers[i], ours[i])
					}
				}
				t.Logf("the scheme's own program: %d pairs, %d mismatches", len(pairs), mismatches)
			}
			for _, p := range peers {
				if p.scheme == s {
					p.agree(t, pairs, lists, ours)
				}
			}
		})
	}
}

// agree compares a peer with our order.
func (p peer) agree(t *testing.T, pairs [][2]string, lists int, ours []int) {
	asked, inLists, madeUp, example := 0, 0, 0, ""
	step := 1 + lists/(4*many()) // most peers are slow
	for i, pair := range pairs {
		if i < lists && i%step != 0 {
			continue
		}
		theirs, answers := p.ask(pair[0], pair[1])
		if !answers {
			continue
		}
		asked++
		if theirs == ours[i] {
			continue
		}
		if i < lists {
			inLists++
		} else {
			madeUp++
		}
		if short := pair[0] + " with " + pair[1]; example == "" || len(short) < len(example) {
			example = short
		}
	}
	t.Logf("%-26s %d pairs, %d mismatches in the lists, %d in those made up: %s", p.name, asked, inLists, madeUp, example)
	if p.wrong[0] == "" {
		assert.Zero(t, inLists+madeUp, "%s orders %s otherwise", p.name, example)
		return
	}
	order, err := version.Compare(p.scheme, p.wrong[0], p.wrong[1])
	require.NoError(t, err)
	require.Equal(t, -1, order)
	theirs, answers := p.ask(p.wrong[0], p.wrong[1])
	require.True(t, answers)
	require.NotEqual(t, -1, theirs, "%s orders %v well now", p.name, p.wrong)
}

// ask returns a peer's answer, if it takes both versions.
func (p peer) ask(a, b string) (order int, answers bool) {
	defer func() {
		if recover() != nil {
			answers = false
		}
	}()
	return p.compare(a, b), true
}
