package agentsim

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "in testdata, replace the values of expectations that do not hold; rewrite the example of Language")

func scenarioFiles(t testing.TB) []string {
	files, err := filepath.Glob("testdata/*/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func readScript(t testing.TB, file string) *Script {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	script, err := ParseScript(filepath.ToSlash(file), string(data))
	require.NoError(t, err)
	return script
}

// shortWorld is the longest scenario that a short run plays. What longer ones
// show of single rules, the packages of those rules test without a world.
const shortWorld = 36 * time.Hour

// TestScenarios plays every scenario in testdata.
func TestScenarios(t *testing.T) {
	for _, file := range scenarioFiles(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			script := readScript(t, file)
			steps := script.Steps()
			if testing.Short() && steps[len(steps)-1].At > shortWorld {
				t.Skip("SKIPPED ALOUD: days of virtual time take a while; run without -short")
			}
			if *rewrite {
				text, err := script.Rewrite()
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
				return
			}
			w, err := script.Play(Config{})
			if err != nil {
				if w != nil {
					t.Log("\n" + Timeline(w.History(), w.Start()))
				}
				t.Fatal(err)
			}
		})
	}
}

// TestScriptErrorsTeach checks that each mistake gets an error with the line and
// with what could be written instead.
func TestScriptErrorsTeach(t *testing.T) {
	for script, want := range map[string]string{
		"":               "a scenario begins with a clock",
		"expect settled": "a scenario begins with a clock",
		"clock now":      "write: clock 2026-03-02T00:00:00Z",
		"clock 2026-03-02T00:00:00Z, sync every 1s":               "is not at least 1m0s",
		"clock 2026-03-02T00:00:00Z, sync every 0s":               "is zero; write",
		"clock 2026-03-02T00:00:00Z, check-in every 40m":          "is not between 1s and 30m",
		"clock 2026-03-02T00:00:00Z\nclock 2026-03-02T00:00:00Z":  "comes once",
		stage + "+1x expect settled":                              "write 90s, 15m, 3h15m or 2d12h",
		stage + "+2h\n+1h expect settled":                         "is before the step above, at +2h",
		stage + "+400d expect settled":                            "a world runs for at most 366d",
		stage + "fly j":                                           "neither an asset nor one of: clock, patch",
		stage + "enable":                                          "write: enable|disable|delete|cancel|run JOB",
		stage + "enable k\nexpect settled":                        "no line expects it",
		stage + "enable k":                                        "no line expects it",
		stage + "enable j\nexpect refused x":                      "the server did it",
		stage + "job k: at once":                                  "is not a clause of a job; write one of:",
		stage + "job k":                                           "write: job ID",
		stage + "job k: daily":                                    "is not a schedule; write: daily at",
		stage + "job k: weekly on holidays at 02:00 in UTC":       "write mon, tue",
		stage + "job k: monthly on the 6th tue at 02:00 in UTC":   "1st|2nd|3rd",
		stage + "job k: patch tuesday soon at 02:00 in UTC":       "+4d or -3d",
		stage + "job k: daily at 25:00 in UTC":                    "25:00",
		stage + "job k: after j sometime":                         "after JOB per asset",
		stage + "patch x: chrome":                                 "write: patch ID",
		stage + "patch x: chrome one":                             "is not a dotted version",
		stage + "patch x: chrome 2.0, shiny":                      "is not an option of a patch",
		stage + "line opera 1 ends +1d":                           "no patch of opera is listed yet",
		stage + "line chrome":                                     "write: line PRODUCT PREFIX ends",
		stage + "customer supplies chrome-121":                    "option vendor",
		stage + "asset job has chrome 1.0":                        "is a word of the language",
		stage + "asset web-1 has chrome 1.0":                      "already exists",
		stage + "asset web-2 on amiga":                            "want one of linux, windows, macos",
		stage + "asset web-2 on linux/z80":                        "write one of: amd64, arm64, 386",
		stage + "patch x: chrome 122.0, on amiga":                 "want one of linux, windows, macos",
		stage + "patch x: chrome 122.0, on windows/z80":           "write one of: amd64, arm64, 386",
		stage + "patch x: chrome 122.0, on":                       "on PLATFORM[/ARCHITECTURE]",
		stage + "job k: on windows/arm64":                         "want one of linux, windows, macos",
		stage + "vendor dances chrome-121":                        "write one of:\nvendor feed fails",
		stage + "vendor withdraws opera":                          "there is no patch",
		stage + "server sings":                                    "write one of:\nserver goes down",
		stage + "web-1 dances":                                    "is not an action of an asset; write one of:\nASSET logs in",
		stage + "web-1 comes on":                                  "web-1 is on",
		stage + "web-1 goes off\nweb-1 crashes":                   "web-1 is off",
		stage + "web-1 sleeps for 1h\nweb-1 logs in":              "web-1 sleeps until +1h",
		stage + "web-1 crashes before lunch":                      "a step is a progress step",
		stage + "web-1 answers maybe":                             "answers later|now",
		stage + "web-1 answers later 2000 times":                  "not a number from 0 to 1000",
		stage + "web-1 clock 2h":                                  "ASSET clock +D",
		stage + "web-1 installer of chrome sings":                 "ASSET installer of PRODUCT fails",
		stage + "web-1 takes 2h for lunch":                        "ASSET takes D for inventory",
		stage + "web-1 next 2 calls arrive early":                 "next N calls arrive twice",
		stage + "web-1 download of chrome fails with Bad":         "Bad",
		stage + "expect":                                          "write one of:\nexpect settled",
		stage + "expect web-1 chrome 121.0":                       "expected 121.0, found 120.0",
		stage + "expect web-9 chrome 121.0":                       "write one of",
		stage + "expect server failures 0 of cats":                "failures COUNT[ of asset A]",
		stage + "expect web-1 reboot between +1h and +2h":         "there was none",
		stage + "# It is new. (CAT-3)\nexpect web-1 chrome 121.0": "it shows: It is new. (CAT-3)",
		stage + "expect web-1 chrome 121.0  # CAT-3":              "it shows: CAT-3",
		stage + "job q: query colour red":                         "not a condition of a query",
		stage + "job q: query exploited and class x":              `unknown class "x"`,
		stage + "job q: query but not any cve and exploited":      "write: any cve",
		stage + "policy p: chrome":                                "is not a clause",
		stage + "policy p: chrome signed by":                      "is not a clause",
		stage + "policy p: chrome strictly signed by Google":      "is not a clause",
		stage + "policy p chrome unsigned":                        "write: policy NAME",
		stage + "policy p: * unsigned, * signed by Google":        "keep one of them",
		stage + "web-1 is held to p":                              `there is no policy "p"`,
		stage + "server is under p":                               `there is no policy "p"`,
	} {
		t.Run(script, func(t *testing.T) {
			s, err := ParseScript("file", script)
			if err == nil {
				_, err = s.Play(Config{})
			}
			require.ErrorContains(t, err, want)
			require.IsType(t, &ScriptError{}, err)
			require.Contains(t, err.Error(), "file:")
		})
	}
}

func TestRewrite(t *testing.T) {
	s, err := ParseScript("f", stage+"enable j\n+1h expect web-1 installs 7   # JOB-1\nexpect web-1 j chrome-121 failed\nexpect server web-1 j Failed\nexpect refused x")
	require.NoError(t, err)
	text, err := s.Rewrite()
	require.ErrorContains(t, err, "the server did it") // no other value would mend that
	require.Contains(t, text, "+1h expect web-1 installs 1   # JOB-1\nexpect web-1 j chrome-121 succeeded INT-2\nexpect server web-1 j Completed\n")
}

func TestUnmetExpectation(t *testing.T) {
	s, err := ParseScript("f", stage+"+1d expect web-1 chrome 121.0")
	require.NoError(t, err)
	w, err := s.Play(Config{})
	var unmet *Unmet
	require.ErrorAs(t, err, &unmet)
	require.Equal(t, []string{"121.0", "120.0"}, []string{unmet.Want, unmet.Have})
	require.Contains(t, unmet.Why, "job j was never enabled")
	require.NoError(t, w.Settle(), "nothing is under way")
}

func TestBounds(t *testing.T) {
	_, err := ParseScript("f", strings.Repeat(" ", MaxScript+1))
	require.ErrorContains(t, err, "at most 8388608")
	_, err = ParseScript("f", "clock 2026-03-02T00:00:00Z"+strings.Repeat("\n", MaxScript-26))
	require.NoError(t, err)

	var many strings.Builder
	many.WriteString("clock 2026-03-02T00:00:00Z\n")
	for i := range MaxAssets {
		fmt.Fprintf(&many, "asset a%d\n", i)
	}
	s, err := ParseScript("f", many.String())
	require.NoError(t, err)
	_, err = s.Play(Config{})
	require.NoError(t, err)
	s, err = ParseScript("f", many.String()+"asset one-more\n")
	require.NoError(t, err)
	_, err = s.Play(Config{})
	require.ErrorContains(t, err, "at most 1000 assets")

	s, err = ParseScript("f", stage+"+1d expect settled")
	require.NoError(t, err)
	_, err = s.Play(Config{events: 100})
	require.ErrorContains(t, err, "more than 100 things happened")

	for answers, want := range map[string]string{
		fmt.Sprintf("later %d times", maxTimes+1):                    "not a number from 0 to 1000",
		fmt.Sprintf("later %d times\nweb-1 answers later", maxTimes): "at most 1000 answers",
	} {
		s, err = ParseScript("f", stage+"web-1 answers "+answers)
		if err == nil {
			_, err = s.Play(Config{})
		}
		require.ErrorContains(t, err, want)
	}

	require.NoError(t, Config{CheckIn: minCheckIn, Sync: minSync}.Validate())
	err = Config{CheckIn: maxCheckIn + 1, Sync: minSync - 1, Start: time.Unix(0, 0)}.Validate()
	for _, field := range []string{"checkIn", "sync", "start"} {
		require.ErrorContains(t, err, field)
	}
	_, err = New(Config{CheckIn: 29 * time.Minute})
	require.ErrorContains(t, err, "MAN-3")
	w, err := New(Config{})
	require.NoError(t, err)
	require.NoError(t, w.Run(w.Start().Add(time.Hour)))
	require.ErrorContains(t, w.Run(w.Start().Add(maxSpan+1)), "366d")
	require.Equal(t, w.Start().Add(time.Hour), w.Now())
}

// FuzzScript checks that no text makes a scenario panic or run forever.
func FuzzScript(f *testing.F) {
	for _, file := range scenarioFiles(f) {
		if testing.Short() {
			break // TestScenarios plays them
		}
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(data))
	}
	f.Add(stage + "enable j\n+1h expect settled")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		s, err := ParseScript("f", text)
		if err != nil {
			return
		}
		if _, err := s.Play(Config{events: 300}); err != nil {
			require.IsType(t, &ScriptError{}, err)
			require.NotContains(t, err.Error(), "INVARIANT")
		}
	})
}
