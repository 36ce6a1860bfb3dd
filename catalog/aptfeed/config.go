package aptfeed

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
)

// Config says which apt configuration is read, and for whom.
type Config struct {
	Root             string           // the system whose configuration it is; default "/"
	Dir              string           // the apt configuration folder; default etc/apt of Root
	Lists            string           // for FromLists: the folder of downloaded lists; default var/lib/apt/lists of Root
	Channel          string           // channel of the distribution's packages; default VERSION_CODENAME of Root's os-release
	Distribution     string           // the Origin of the distribution's own suites; default ID of Root's os-release
	Architectures    []string         // wanted; default those of Root's dpkg, the native one first
	CacheDir         string           // keeps what was fetched across restarts; empty: nothing is kept
	Client           *http.Client     // default: one with a proxy from the environment and a time limit
	Now              func() time.Time // the clock; default time.Now
	IgnoreValidUntil bool             // take expired Release files too: for tests and for clocks that are known to be wrong
	Report           func(Problem)    // told of every problem of the configuration; nil: nobody
}

// WithDefaults fills in what is not set, reading what it needs to below Root.
func (c Config) WithDefaults() Config {
	c.Root = cmp.Or(c.Root, "/")
	c.Dir = cmp.Or(c.Dir, filepath.Join(c.Root, "etc/apt"))
	c.Lists = cmp.Or(c.Lists, filepath.Join(c.Root, "var/lib/apt/lists"))
	if c.Channel == "" || c.Distribution == "" {
		release := osRelease(c.Root)
		c.Channel = cmp.Or(c.Channel, release["VERSION_CODENAME"])
		c.Distribution = cmp.Or(c.Distribution, release["ID"])
	}
	if len(c.Architectures) == 0 {
		c.Architectures = architectures(c.Root)
	}
	c.Client = cmp.Or(c.Client, &http.Client{Timeout: requestTimeout})
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Report == nil {
		c.Report = func(Problem) {}
	}
	return c
}

// validate tells everything that is wrong with a configuration that has its defaults.
func (c Config) validate() error {
	var problems []error
	if c.Channel != "" && !plainChannel(c.Channel) {
		problems = append(problems, fmt.Errorf("the channel %.80q is no codename", c.Channel))
	}
	if len(c.Architectures) == 0 {
		problems = append(problems, errors.New("no architecture is wanted"))
	}
	for _, a := range c.Architectures {
		if !validArchitecture(a) || a == "all" {
			problems = append(problems, fmt.Errorf("%.40q is no architecture", a))
		}
	}
	return errors.Join(problems...)
}

// osRelease reads os-release(5) below root; what cannot be read is empty.
func osRelease(root string) map[string]string {
	values := map[string]string{}
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		data, err := readFile(filepath.Join(root, name), MaxSourcesFile)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			values[key] = strings.Trim(value, `"'`)
		}
		return values
	}
	return values
}

// Architectures returns those of the packages under root: the native one, which is that of the installed dpkg, and the
// foreign ones that dpkg was told of. Where no dpkg is installed it is the running program's.
func architectures(root string) []string {
	native := nativeArchitecture(filepath.Join(root, "var/lib/dpkg/status"))
	archs := []string{native}
	data, err := readFile(filepath.Join(root, "var/lib/dpkg/arch"), MaxSourcesFile)
	if err != nil {
		return archs
	}
	for line := range strings.Lines(string(data)) {
		if a := strings.TrimSpace(line); validArchitecture(a) && !slices.Contains(archs, a) {
			archs = append(archs, a)
		}
	}
	return archs
}

// debianNames are Debian's names of Go's architectures where they differ.
var debianNames = map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "mips64le": "mips64el"}

func nativeArchitecture(status string) string {
	return cmp.Or(dpkgArchitecture(status), debianNames[runtime.GOARCH], runtime.GOARCH)
}

func dpkgArchitecture(status string) string {
	f, err := os.Open(status)
	if err != nil {
		return ""
	}
	defer f.Close()
	for p, err := range deb822.NewReader(f).All() {
		if err == nil && p.Get("Package") == "dpkg" && validArchitecture(p.Get("Architecture")) {
			return p.Get("Architecture")
		}
	}
	return ""
}
