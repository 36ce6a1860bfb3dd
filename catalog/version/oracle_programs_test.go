package version_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// dpkg runs dpkg and returns whether it exited with 0.
func dpkg(t *testing.T) func(args ...string) bool {
	path := oracle(t, "dpkg")
	return func(args ...string) bool {
		err := exec.Command(path, args...).Run()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return false
		}
		require.NoError(t, err)
		return true
	}
}

// Dpkg takes one pair at a time.
func TestDebianOrderIsDpkgs(t *testing.T) {
	run := dpkg(t)
	all := pairs(t, version.Debian, 100)
	for _, p := range all {
		order, ok := p[0].Compare(p[1])
		require.True(t, ok)
		relation := map[int]string{-1: "lt", 0: "eq", 1: "gt"}[order]
		require.True(t, run("--compare-versions", p[0].String(), relation, p[1].String()), "%s is said to be %s %s", p[0], relation, p[1])
	}
	t.Logf("%d pairs", len(all))
}

// The versions of every package on this system, sorted, rise or are equal for dpkg as well.
func TestDebianOrderOfTheSystemIsDpkgs(t *testing.T) {
	run := dpkg(t)
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		t.Skipf("SKIPPED: dpkg has no list of packages: %v", err)
	}
	var all []version.Version
	for _, m := range regexp.MustCompile(`(?m)^Version: (\S+)$`).FindAllSubmatch(status, -1) {
		v, err := version.Parse(version.Debian, string(m[1]))
		require.NoError(t, err)
		all = append(all, v)
	}
	slices.SortFunc(all, func(v, w version.Version) int { order, _ := v.Compare(w); return order })
	all = slices.Compact(all)
	for i := range all[:len(all)-1] {
		order, _ := all[i].Compare(all[i+1])
		relation := map[int]string{-1: "lt", 0: "eq"}[order]
		require.True(t, run("--compare-versions", all[i].String(), relation, all[i+1].String()), "%s is said to be %s %s", all[i], relation, all[i+1])
	}
	t.Logf("%d versions", len(all))
}

// dpkg --validate-version asks for a digit at the beginning, which
// deb-version(7) only recommends and dpkg does not need to order; in all else
// the two agree.
func TestDebianValidityIsDpkgs(t *testing.T) {
	run := dpkg(t)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`([0-9a]{0,2}:)?[0-9][0-9a._ :+~-]{0,4}(-[0-9a_:+~]{0,2})?`).Draw(rt, "text")
		_, err := version.Parse(version.Debian, text)
		// dpkg cuts blanks off both ends; a version has none here.
		if blank := text[len(text)-1] == ' '; blank {
			require.Error(rt, err)
			return
		}
		if upstream := text[strings.IndexByte(text, ':')+1:]; upstream != "" && !digit(upstream) {
			return
		}
		require.Equal(rt, run("--validate-version", text), err == nil, "%q: %v", text, err)
	})
}

// Dpkg::Version, dpkg's own order for its programs in Perl, takes many pairs in
// one process, and only versions that begin with a digit.
func TestDebianOrderIsPerlDpkgs(t *testing.T) {
	perl := oracle(t, "perl")
	if err := exec.Command(perl, "-MDpkg::Version", "-e", "1").Run(); err != nil {
		t.Skipf("SKIPPED: perl has no Dpkg::Version, so that the order of versions is not compared with its own: %v", err)
	}
	all := slices.DeleteFunc(pairs(t, version.Debian, many()), func(p [2]version.Version) bool {
		return !digit(p[0].Upstream()) || !digit(p[1].Upstream())
	})
	cmd := exec.Command(perl, "-MDpkg::Version", "-ne", `my ($v, $w) = split; print version_compare($v, $w), "\n"`)
	cmd.Stdin = strings.NewReader(lines(all))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	agree(t, all, string(out))
}

func TestRpmOrderIsRpms(t *testing.T) {
	rpm := oracle(t, "rpm")
	all := pairs(t, version.Rpm, many())
	for _, c := range []struct{ name, compare string }{
		{"rpm.ver", "local v, w = rpm.ver(a), rpm.ver(b) answer = v < w and -1 or v == w and 0 or 1"},
		{"rpm.vercmp", "answer = rpm.vercmp(a, b)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			some := all
			if c.name == "rpm.vercmp" { // it takes what has neither epoch nor release
				some = slices.DeleteFunc(slices.Clone(all), func(p [2]version.Version) bool {
					return strings.ContainsAny(p[0].String()+p[1].String(), ":-")
				})
			}
			file := filepath.Join(t.TempDir(), "pairs")
			require.NoError(t, os.WriteFile(file, []byte(lines(some)), 0o600))
			out, err := exec.Command(rpm, "--eval", `%{lua: for line in io.lines("`+file+`") do
				local i = line:find(" ", 1, true)
				local a, b = line:sub(1, i - 1), line:sub(i + 1)
				`+c.compare+`
				print(answer .. string.char(10))
			end}`).Output()
			require.NoError(t, err)
			agree(t, some, string(out))
		})
	}
}

const javaProgram = `
import java.io.*;
public class Order {
	public static void main(String[] args) throws IOException {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = in.readLine()) != null; ) {
			String[] pair = line.split(" ");
			try {
				System.out.println(Integer.signum(Runtime.Version.parse(pair[0]).compareToIgnoreOptional(Runtime.Version.parse(pair[1]))));
			} catch (IllegalArgumentException e) {
				System.out.println("refused");
			}
		}
	}
}`

// What Runtime.Version takes is taken, and ordered as it does. Beyond that,
// only numbers with zeros at the end are taken; the generator makes none of the
// old forms.
func TestJdkIsJavas(t *testing.T) {
	java := oracle(t, "java")
	file := filepath.Join(t.TempDir(), "Order.java")
	require.NoError(t, os.WriteFile(file, []byte(javaProgram), 0o600))
	ask := func(pairs string) []string {
		cmd := exec.Command(java, file)
		cmd.Stdin = strings.NewReader(pairs)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.Fields(string(out))
	}

	texts := rapid.StringMatching(`(2|10|11)(\.0){0,2}(\.[0-2]){0,2}([-+](ea|a|[0-2]{0,2}|LTS)){0,3}`)
	zeros := regexp.MustCompile(`^[0-9.]+\.0([-+]|$)`)
	all, selves := []version.Version{}, ""
	for i := range many() {
		selves += texts.Example(i) + " " + texts.Example(i) + "\n"
	}
	for i, answer := range ask(selves) {
		text := texts.Example(i)
		v, err := version.Parse(version.Jdk, text)
		require.Equal(t, answer == "0", err == nil && !zeros.MatchString(text), "%s is %s: %v", text, answer, err)
		if answer == "0" {
			all = append(all, v)
		}
	}
	t.Logf("%d of %d texts are versions", len(all), many())

	var some [][2]version.Version
	for i := range all {
		some = append(some, [2]version.Version{all[i], all[(i+1)%len(all)]}, [2]version.Version{all[i], all[(i*7+3)%len(all)]})
	}
	agree(t, some, strings.Join(ask(lines(some)), " "))
}
