package rpm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

const (
	maxSettings = 1 << 20 // bytes of one file: real ones have a few kB
	maxRepos    = 64      // repositories in use: as many channels as an inventory may name for one product
)

// Repo is a repository that the system uses.
type Repo struct {
	ID       string
	Priority int  // the lowest number comes first; dnf's default is 99
	Checked  bool // repo_gpgcheck: its metadata are signed
	Keys     []string
	settings
}

// settings are those of dnf.conf's [main], or of one repository.
type settings struct{ excludes, includes []string }

// section is one section of an ini file.
type section struct {
	name   string
	values map[string]string
}

// sections reads an ini file as dnf does: an indented line continues the one
// before. None: there is no such file.
func sections(root, name string) ([]section, error) {
	data, err := inroot.ReadFile(root, name, maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var all []section
	key := ""
	for line := range strings.Lines(string(data)) {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
		case text[0] == '[' && text[len(text)-1] == ']':
			all = append(all, section{text[1 : len(text)-1], map[string]string{}})
			key = ""
		case len(all) == 0:
		case line[0] == ' ' || line[0] == '\t':
			all[len(all)-1].values[key] += "\n" + text
		default:
			at := strings.IndexAny(text, "=:")
			if at < 0 {
				return nil, fmt.Errorf("%s: bad line %.80q: want name=value", name, text)
			}
			key = strings.TrimSpace(text[:at])
			all[len(all)-1].values[key] = strings.TrimSpace(text[at+1:])
		}
	}
	return all, nil
}

// list splits a value at commas and blanks.
func list(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
}

// yes reads a boolean. The default is for an empty value.
func yes(value string, otherwise bool) bool {
	if value == "" {
		return otherwise
	}
	return slices.Contains([]string{"1", "yes", "true", "on"}, strings.ToLower(value))
}

func (s section) settings() settings {
	return settings{append(list(s.values["excludepkgs"]), list(s.values["exclude"])...), list(s.values["includepkgs"])}
}

// repo reads a section of a repository. It is not ok if it is not enabled.
func (s section) repo() (Repo, bool, error) {
	priority, err := strconv.Atoi(cmp.Or(s.values["priority"], "99"))
	if err != nil {
		return Repo{}, false, fmt.Errorf("repository %.80q: its priority %.40q is not a number", s.name, s.values["priority"])
	}
	return Repo{s.name, priority, yes(s.values["repo_gpgcheck"], false), list(s.values["gpgkey"]), s.settings()}, yes(s.values["enabled"], true), nil
}

// readSettings reads dnf's configuration.
func (s *System) readSettings() error {
	files := []string{"etc/dnf/dnf.conf"}
	for _, dir := range []string{"etc/yum.repos.d", "etc/yum/repos.d", "etc/distro.repos.d"} {
		names, err := inroot.ReadDir(s.root, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, name := range names {
			if strings.HasSuffix(name.Name(), ".repo") {
				files = append(files, path.Join(dir, name.Name()))
			}
		}
	}
	for _, file := range files {
		all, err := sections(s.root, file)
		if err != nil {
			return err
		}
		for _, section := range all {
			if section.name == "main" {
				s.main = section.settings()
				s.installOnly = append(s.installOnly, list(section.values["installonlypkgs"])...)
				continue
			}
			repo, enabled, err := section.repo()
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if enabled {
				s.Repos = append(s.Repos, repo)
			}
		}
	}
	if len(s.Repos) > maxRepos {
		return fmt.Errorf("%d repositories are enabled, at most %d are allowed", len(s.Repos), maxRepos)
	}
	slices.SortFunc(s.Repos, func(a, b Repo) int { return cmp.Compare(a.ID, b.ID) })
	return s.readLocks()
}

// readLocks reads the list of the versionlock plugin.
func (s *System) readLocks() error {
	plugin, err := sections(s.root, "etc/dnf/plugins/versionlock.conf")
	if err != nil {
		return err
	}
	for _, section := range plugin {
		file := section.values["locklist"]
		if section.name != "main" || file == "" || !yes(section.values["enabled"], true) {
			continue
		}
		data, err := inroot.ReadFile(s.root, file, maxSettings)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", file, err)
		}
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				s.locks = append(s.locks, line)
			}
		}
	}
	return nil
}
