package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
	"github.com/stretchr/testify/require"
)

// play runs the subcommand and returns what it wrote.
func play(t *testing.T, args ...string) (page string, r fleet.Result, out, errs string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "deep", "in")
	c := Command()
	var stdout, stderr bytes.Buffer
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SetArgs(append(args, "--out", folder))
	require.NoError(t, c.Execute())
	html, err := os.ReadFile(filepath.Join(folder, "fleet.html"))
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(folder, "fleet.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	again, err := json.MarshalIndent(r, "", "  ")
	require.NoError(t, err)
	require.Equal(t, string(again)+"\n", string(data), "the schema is that of fleet.Result")
	return string(html), r, stdout.String(), stderr.String()
}

// words returns the texts of a page in order, and its elements by name. The
// page must be well formed.
func words(t *testing.T, page string) (texts []string, elements map[string]int) {
	t.Helper()
	elements = map[string]int{}
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts, elements
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
			for _, a := range token.Attr {
				require.NotContains(t, []string{"src", "href", "srcset", "data", "action", "poster", "xmlns"}, strings.ToLower(a.Name.Local), "the page needs nothing else")
				require.False(t, strings.HasPrefix(strings.ToLower(a.Name.Local), "on"), "a script")
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				texts = append(texts, text)
			}
		}
	}
}

func TestReport(t *testing.T) {
	page, r, out, errs := play(t, "--agents", "1500", "--seed", "4", "--failing", "50")
	texts, elements := words(t, page)
	for _, missing := range []string{"script", "link", "img", "iframe", "object", "NaN"} {
		require.Zero(t, elements[missing])
	}
	require.NotRegexp(t, regexp.MustCompile(`(?i)https?:|url\(|@import|NaN|Inf\b|%!`), page)
	require.Equal(t, 4, elements["svg"], "propagation, rollout twice, deferral")

	// The page shows every number of the result.
	has := func(text string) {
		t.Helper()
		require.Contains(t, texts, text)
	}
	after := func(name string, cells ...string) { // a row of a table, or a bar
		t.Helper()
		for i, text := range texts {
			if text == name && i+len(cells) < len(texts) && strings.Join(texts[i+1:i+1+len(cells)], "|") == strings.Join(cells, "|") {
				return
			}
		}
		t.Fatalf("%q is not followed by %q", name, cells)
	}
	has("1,500 agents, 7 days")
	has(r.History)
	has(count(r.Events.Steps + r.Events.CheckIns))
	for _, c := range r.Results {
		after(c.Result.String(), count(c.Assets), share(c.Assets, r.Agents))
	}
	c := r.Cancel
	after("Cancelled: nothing was installed", count(c.Cancelled), share(c.Cancelled, c.Orders))
	after("of these at once: never handed out", count(c.AtOnce))
	after("TooLate: deploy had begun", count(c.TooLate))
	after("Ended before, or nothing was missing", count(c.Ended))
	after("computed bound (MAN-3)", clock(c.Bound))
	has("bound (MAN-3): 23:00 min")
	for i, b := range c.Reached {
		if b.Assets > 0 {
			has("minute " + thousands(float64(i)) + " to " + thousands(float64(i+1)) + ": " + count(b.Assets) + " agents")
		}
	}
	failed := 0
	for _, f := range r.Failures {
		if f.Code != 8 {
			after(thousands(float64(f.Code))+" "+f.Name, count(f.Installs))
			failed += f.Installs
		}
	}
	require.Contains(t, page, "<p>"+count(failed)+" installs failed")
	after("never", count(r.Reboots.PutOff[0]), share(r.Reboots.PutOff[0], r.Reboots.Assets))
	has("Overdue because")
	require.NotEmpty(t, r.Exposure.Overdue)
	for _, o := range r.Exposure.Overdue {
		after(causeText[o.Cause], count(o.Assets), share(o.Assets, r.Agents))
	}
	last := r.Rollout[len(r.Rollout)-1]
	for _, stage := range fleet.Stages() {
		require.Contains(t, strings.Join(texts, "|"), stageText[stage]+"|", stage)
		i := strings.LastIndex(strings.Join(texts, "|"), "|"+stageText[stage]+"|")
		row := strings.Split(strings.Join(texts, "|")[i+1:], "|")[:8]
		require.Equal(t, count(last.Stages[stage-1]), row[7], stage)
	}

	for _, line := range []string{"fleet        1,500 agents, 7 days, seed 4", "history      " + r.History, "µs of processor time", "the bound is 23:00 min"} {
		require.Contains(t, out, line)
	}
	require.Contains(t, errs, "100 %  1,500 of 1,500 agents", "plain lines where there is no terminal")
	require.Positive(t, r.Cost.EventsPerSecond)
	require.Positive(t, r.Cost.PeakBytes)
}

// What is empty is not drawn.
func TestReportOfAQuietWorld(t *testing.T) {
	page, r, _, _ := play(t, "--agents", "40", "--cancel", "-1s", "--failing", "-1", "--offline", "-1", "--days", "1")
	require.Nil(t, r.Cancel)
	_, elements := words(t, page)
	require.Equal(t, 3, elements["svg"])
	require.NotContains(t, page, "The cancel")
	page, _, _, _ = play(t, "--agents", "1", "--days", "1")
	words(t, page)
}

func TestCommandRefuses(t *testing.T) {
	for wrong, args := range map[string][]string{
		"--out is missing":          {},
		"is not between 1 and 28":   {"--days", "29", "--out", "x"},
		"1 and 10000000":            {"--agents", "0", "--out", "x"},
		"not a directory":           {"--agents", "1", "--out", "report_test.go/x"},
		"unknown command \"extra\"": {"extra"},
	} {
		c := Command()
		c.SetOut(io.Discard)
		c.SetErr(io.Discard)
		c.SetArgs(args)
		c.SilenceUsage = true
		require.ErrorContains(t, c.Execute(), wrong)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234: "-1,234", 1234567: "1,234,567"} {
		require.Equal(t, want, count(n))
	}
	for v, want := range map[float64]string{0: "0", 200: "200", 1500: "1.5 k", 2e6: "2 M"} {
		require.Equal(t, want, thousands(v))
	}
	require.Equal(t, "2:05 min", clock(125*time.Second))
	require.Equal(t, "–", share(1, 0))
	require.Equal(t, "12.5 %", share(1, 8))
	for b, want := range map[float64]string{12: "12 B", 2048: "2.0 KiB", 3 << 20: "3 MiB", 1 << 30: "1.00 GiB"} {
		require.Equal(t, want, size(b))
	}
	for _, most := range []float64{1, 7, 8, 9, 99, 1234, 1e6, 999_999} {
		marks, end := roundMarks(most, thousands)
		require.GreaterOrEqual(t, end, most)
		require.LessOrEqual(t, len(marks), 10)
		require.GreaterOrEqual(t, len(marks), 2)
		require.Zero(t, marks[0].at)
	}
}

// A terminal shows one line that changes.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := progress{out: &out, terminal: true, total: 1000}
	for _, n := range []int{4, 300, 305, 1000} {
		p.done(n)
	}
	require.Equal(t, " 30 %  300 of 1,000 agents\r100 %  1,000 of 1,000 agents\n", out.String())
}
