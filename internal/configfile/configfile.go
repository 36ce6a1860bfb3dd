// Package configfile reads a program's flags from a file: one JSON object whose
// names are those of the flags, without the dashes. A flag on the command line
// comes before the file.
//
//	{
//	  "listen": "0.0.0.0:8443",
//	  "sync-every": "30m",
//	  "feed-json": ["https://vendor.acme.example/patches.json"]
//	}
//
// A value is a text, a number or true or false, and a list for a flag that may
// be repeated. A name that is no flag is refused, and so is one that is there
// twice. Only its owner may write the file, because it says what the program
// does.
package configfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// name is the flag that names the file.
const name = "config"

// maxSize is how many bytes a file may have: thousands of feeds.
const maxSize = 1 << 20

// Flag adds the flag --config to a command, which then fails with wrong(err) if
// the file cannot be used. Secrets are the flags whose values
// others must not read: a file that has one must not be readable by them.
func Flag(c *cobra.Command, wrong func(error) error, secrets ...string) {
	path := c.Flags().String(name, "", "JSON file with flags of this command: {\"FLAG\": value, …}, a list for one that may be repeated; flags given here come first")
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if *path != "" {
			if err := read(c, *path, secrets); err != nil {
				return wrong(err)
			}
		}
		return run(c, args)
	}
}

func read(c *cobra.Command, path string, secrets []string) error {
	if err := owned.CheckLinked(path, owned.State); err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxSize) {
		err = fmt.Errorf("%s is not a file of at most %d bytes", path, maxSize)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	if err := strictjson.Check(data, false); err != nil {
		return fmt.Errorf("configuration file %s: %w", path, err)
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return fmt.Errorf("configuration file %s: it is not an object like {\"FLAG\": value}", path)
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := set(c, key, values[key]); err != nil {
			problems = append(problems, fmt.Errorf("configuration file %s: %w", path, err))
		}
		if slices.Contains(secrets, key) {
			if err := owned.CheckLinked(path, owned.Secret); err != nil {
				problems = append(problems, fmt.Errorf("configuration file with %q: %w", key, err))
			}
		}
	}
	return errors.Join(problems...)
}

// set gives a flag the value that the file has for it, unless it is on the
// command line.
func set(c *cobra.Command, key string, value json.RawMessage) error {
	flag := c.Flags().Lookup(key)
	if flag == nil || key == name || key == "help" {
		return fmt.Errorf("%q is not a flag of %q; %s", problem.Clip(key, 80), c.CommandPath(), suggest(c, key))
	}
	if flag.Changed {
		return nil
	}
	texts, err := textsOf(value, strings.HasSuffix(flag.Value.Type(), "Array"))
	if err != nil {
		return fmt.Errorf("%q %w", key, err)
	}
	for _, text := range texts {
		if err := flag.Value.Set(text); err != nil {
			return fmt.Errorf("%q: %q: %w", key, problem.Clip(text, 80), err)
		}
	}
	return nil
}

// textsOf returns a value as it is written on a command line: several for a flag
// that may be repeated.
func textsOf(value json.RawMessage, repeated bool) ([]string, error) {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		list = []json.RawMessage{value}
	} else if !repeated {
		return nil, errors.New("has a list; give one value")
	}
	texts := make([]string, len(list))
	for i, v := range list {
		switch {
		case v[0] == '{' || v[0] == '[':
			return nil, errors.New("is not a text, a number, true or false")
		case v[0] != '"':
			texts[i] = string(v)
		default:
			if err := json.Unmarshal(v, &texts[i]); err != nil {
				return nil, err
			}
		}
	}
	return texts, nil
}

// suggest names the flag that is most like a name, if one is.
func suggest(c *cobra.Command, key string) string {
	var all []string
	for word := range strings.FieldsSeq(c.Flags().FlagUsages()) {
		if flag, is := strings.CutPrefix(word, "--"); is && c.Flags().Lookup(flag) != nil {
			all = append(all, flag)
		}
	}
	best := slices.MinFunc(append(all, name), func(a, b string) int { return distance(key, a) - distance(key, b) })
	if distance(key, best) > 1+len(key)/3 {
		return fmt.Sprintf("see %s --help", c.CommandPath())
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance is how many letters have to be put in, left out or replaced to make
// one word of the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
