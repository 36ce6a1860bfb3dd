package explore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTraceText(t *testing.T) {
	for text, wrong := range map[string]string{
		"":                          "",
		"go 7, crash, go 2, cancel": "",
		"crash before commit":       "",
		"cancel weekly, lose web-2": "",
		"halt after second commit":  "",
		"cancel web-2":              "unknown choice",
		"crash weekly":              "unknown choice",
		"time web-2":                "unknown choice",
		"go 7":                      "at the end",
		"go 0, crash":               "default steps",
		"go 1, go 1, crash":         "default steps",
		"go 601, crash":             "default steps",
		"go, crash":                 "unknown choice",
		"dance":                     "unknown choice",
	} {
		trace, err := ParseTrace(text)
		if wrong != "" {
			require.ErrorContains(t, err, wrong, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, text, trace.String())
	}
	w, err := FindWorld("cancel")
	require.NoError(t, err)
	for _, wrong := range []Trace{{{0, Later, 0}}, {{0, Crash, 1}}, {{0, Crash, 7}}, {{0, Cancel, 1}}, {{0, Cancel, 7}}, {{0, Time, 1}}, {{0, 0, 0}}, {{0, 200, 0}}} {
		_, _, err = Play(w, wrong)
		require.ErrorContains(t, err, "not possible")
	}
	_, _, err = Play(w, Trace{{0, Go, 0}})
	require.ErrorContains(t, err, "not a choice")
}

func FuzzParseTrace(f *testing.F) {
	f.Add("go 7, crash, go 2, cancel")
	f.Add("crash before commit,second first web-2, delete weekly")
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := ParseTrace(text)
		if err != nil {
			return
		}
		again, err := ParseTrace(trace.String())
		require.NoError(t, err)
		require.Equal(t, trace, again)
	})
}

// A cancel that comes with the answer to the last call wins; one that comes
// after it is too late (JOB-3).
func ExamplePlay() {
	w, err := FindWorld("cancel")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"go 13, cancel", "go 14, cancel, go 1, time"} {
		trace, err := ParseTrace(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		broken, story, err := Play(w, trace)
		if err != nil || broken != nil {
			fmt.Println(broken, err)
			return
		}
		fmt.Println(text, "->", strings.Contains(story, "reports Cancelled"), strings.Contains(story, "TooLate"))
	}
	// Output:
	// go 13, cancel -> true false
	// go 14, cancel, go 1, time -> false true
}

// By default, each ring of the world rollout starts after the one before it has
// soaked. Invariant 14 holds, whatever goes wrong.
func TestRolloutInThreeRings_ROL1_ROL2_ROL3(t *testing.T) {
	w, err := FindWorld("rollout")
	require.NoError(t, err)
	_, story, err := Play(w, nil)
	require.NoError(t, err)
	for _, asset := range assetNames {
		require.Contains(t, story, string(asset)+" reports Completed")
	}
	report, err := Search(w, Bounds{States: fewer(2000, 300)})
	require.NoError(t, err)
	require.Nil(t, report.Broken)
	require.Positive(t, report.Final)
}
