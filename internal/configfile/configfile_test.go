package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

type settings struct {
	Listen, Store string
	Every         time.Duration
	Uses          int
	Plain         bool
	Feeds         []string
}

// run runs a command with flags, which reads a file with this text.
func run(t *testing.T, mode os.FileMode, text string, args ...string) (got settings, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	require.NoError(t, os.Chmod(path, mode))
	c := &cobra.Command{Use: "serve", RunE: func(*cobra.Command, []string) error { return nil }, SilenceErrors: true, SilenceUsage: true}
	f := c.Flags()
	f.StringVar(&got.Listen, "listen", "127.0.0.1:8443", "where")
	f.StringVar(&got.Store, "store", "", "what")
	f.DurationVar(&got.Every, "sync-every", time.Hour, "how often")
	f.IntVar(&got.Uses, "uses", 1, "how many")
	f.BoolVar(&got.Plain, "plain-http", false, "whether")
	f.StringArrayVar(&got.Feeds, "feed-json", nil, "which")
	Flag(c, func(err error) error { return err }, "store")
	c.SetArgs(append(args, "--config", path))
	return got, c.Execute()
}

func TestFlagsComeBeforeTheFile(t *testing.T) {
	const file = `{"listen": "a:1", "sync-every": "90s", "uses": 7, "plain-http": true, "feed-json": ["one, two", "three"]}`
	got, err := run(t, 0o644, file)
	require.NoError(t, err)
	require.Equal(t, settings{Listen: "a:1", Every: 90 * time.Second, Uses: 7, Plain: true, Feeds: []string{"one, two", "three"}}, got)
	got, err = run(t, 0o644, file, "--listen", "b:2", "--feed-json", "four", "--plain-http=false")
	require.NoError(t, err)
	require.Equal(t, settings{Listen: "b:2", Every: 90 * time.Second, Uses: 7, Feeds: []string{"four"}}, got)
	got, err = run(t, 0o644, `{}`)
	require.NoError(t, err)
	require.Equal(t, settings{Listen: "127.0.0.1:8443", Every: time.Hour, Uses: 1}, got)
	got, err = run(t, 0o600, `{"store": "postgres://u:p@h/d", "feed-json": "one"}`)
	require.NoError(t, err)
	require.Equal(t, "postgres://u:p@h/d", got.Store)
	require.Equal(t, []string{"one"}, got.Feeds)
}

func TestWhatIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"sync-evry": "1m"}`:                `"sync-evry" is not a flag of "serve"; did you mean "sync-every"?`,
		`{"feeds_json": []}`:                 `did you mean "feed-json"?`,
		`{"volume": 11}`:                     `"volume" is not a flag of "serve"; see serve --help`,
		`{"help": true}`:                     `"help" is not a flag`,
		`{"config": "x"}`:                    `"config" is not a flag`,
		`{"listen": "a", "listen": "b"}`:     `field "listen" is there twice`,
		`{"listen": null}`:                   "a value is null",
		`{"listen": ["a"]}`:                  `"listen" has a list; give one value`,
		`{"listen": {"host": "a"}}`:          `"listen" is not a text`,
		`{"sync-every": "often"}`:            `"sync-every": "often"`,
		`{"uses": 1.5}`:                      `"uses": "1.5"`,
		`["listen"]`:                         "is not an object",
		`{"listen": "a"`:                     "ends too early",
		strings.Repeat(" ", maxSize) + `{}`:  "is not a file of at most",
		`{"volume": 11, "sync-evry": "1m"}`:  `"volume"`,
		`{"sync-evry": "1m", "volume": 11 }`: `"sync-evry"`,
	} {
		_, err := run(t, 0o600, text)
		require.ErrorContains(t, err, want, "%.80s", text)
		require.ErrorContains(t, err, "config.json")
	}
}

func TestFileOfAnother(t *testing.T) {
	if os.PathSeparator == '\\' {
		return // there are no such modes
	}
	_, err := run(t, 0o666, `{}`)
	require.ErrorContains(t, err, "config.json")
	_, err = run(t, 0o644, `{"store": "postgres://u:p@h/d"}`)
	require.ErrorContains(t, err, `with "store"`)
	_, err = run(t, 0o644, `{"uses": 3}`)
	require.NoError(t, err)
}
