package archtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Addresses of package repositories belong in the machine's configuration. A
// file that names one works only on the author's machine, or takes bytes from a
// source that the user did not choose.

// repositoryHosts returns the host names in the text of a configuration,
// without addresses and the loopback.
func repositoryHosts(text string) []string {
	hosts := map[string]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,|\"'[]", r) }) {
		u, err := url.Parse(word)
		if err != nil || u.Hostname() == "" {
			continue
		}
		host := strings.ToLower(u.Hostname())
		if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ".") {
			hosts[host] = true
		}
	}
	return slices.Sorted(maps.Keys(hosts))
}

// machineConfiguration returns all text that names repositories here: the go
// command's proxies and apt's sources.
func machineConfiguration(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOPROXY", "GOSUMDB").Output()
	require.NoError(t, err)
	text := string(out)
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Logf("not considered: %v", err)
			}
			text += "\n" + string(source)
		}
	}
	return text
}

// machineFolders returns folders that only this machine has. Each has at least
// two elements, so it is not an ordinary word.
func machineFolders(t *testing.T) []string {
	t.Helper()
	dir, err := root()
	require.NoError(t, err)
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE", "GOPATH").Output()
	require.NoError(t, err)
	folders := append(strings.Fields(string(out)), filepath.ToSlash(dir))
	return slices.DeleteFunc(folders, func(f string) bool { return strings.Count(filepath.ToSlash(f), "/") < 2 })
}

// checkMentions finds words in files. It finds whole words only: not parts of a
// longer host or path.
func checkMentions(what string, words []string) func(*tree) []string {
	return func(t *tree) (problems []string) {
		if len(words) == 0 {
			return nil
		}
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, regexp.QuoteMeta(w))
		}
		re := regexp.MustCompile(`(?i)(^|[^A-Za-z0-9_./-]|//)(` + strings.Join(quoted, "|") + `)($|[^A-Za-z0-9_-])`)
		for _, p := range slices.Sorted(maps.Keys(t.texts)) {
			line := 0
			for text := range strings.Lines(string(t.texts[p])) {
				line++
				if m := re.FindStringSubmatch(text); m != nil {
					problems = append(problems, fmt.Sprintf("%s:%d: names %s %s", p, line, what, m[2]))
				}
			}
		}
		return problems
	}
}

func TestNoFileNamesARepositorysHost(t *testing.T) {
	hosts := repositoryHosts(machineConfiguration(t))
	t.Logf("%d hosts in this machine's configuration", len(hosts))
	report(t, checkMentions("the package repository", hosts)(realTree(t)))
}

func TestNoFileNamesAFolderOfThisMachine(t *testing.T) {
	folders := machineFolders(t)
	t.Logf("%d folders looked for", len(folders))
	report(t, checkMentions("a folder of this machine,", folders)(realTree(t)))
}

func TestMentionChecksFail(t *testing.T) {
	hosts := repositoryHosts("https://proxy.example.org/path,direct|off\nURIs: http://User:pw@DEB.example.net:80/debian\n" +
		"deb [signed-by=x] https://deb.example.com/debian suite main\nhttp://127.0.0.1:3000 http://[::1]/ http://localhost/ file:///srv")
	require.Equal(t, []string{"deb.example.com", "deb.example.net", "proxy.example.org"}, hosts)

	check := checkMentions("the package repository", hosts)
	for _, p := range []planted{
		{"other names", map[string]string{"a": "deb.example.commerce, mydeb.example.com, a.deb.example.net, example.org"}, nil},
		{"a host", map[string]string{"a": "one\nsee http://deb.example.com/x"}, []string{"a:2: names the package repository deb.example.com"}},
		{"a host in Go, in capitals", map[string]string{"a/a.go": "package a\nconst s = \"Proxy.Example.org\""}, []string{"a/a.go:2"}},
		{"a binary file has no words", map[string]string{"a": "\x00deb.example.com"}, nil},
		{"a hidden file counts", map[string]string{".ci/run": "curl deb.example.net:80"}, []string{".ci/run:1"}},
	} {
		p.run(t, check)
	}
	planted{"a folder", map[string]string{"a": "see /home/somebody/src.\n/home/somebody/src2 /x/home/somebody/src", "b": "/home/somebody/src/a.go"},
		[]string{"a:1: names a folder", "b:1"}}.run(t, checkMentions("a folder", []string{"/home/somebody/src"}))
	require.NotEmpty(t, cmp.Or(machineFolders(t)...), "the module's own folder at least")
}
