package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// long is a cell whose text is cut to shortText characters, unless --full is
// given.
type long string

const shortText = 140

// printed is a cell with what a program printed: unless --full is given, its
// last line, which mostly says why the program failed.
type printed string

func (r *remote) table(cmd *cobra.Command, head string, rows [][]any) error {
	if len(rows) == 0 && head != "" {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "none")
	}
	return table(cmd.OutOrStdout(), r.full, head, rows)
}

// table prints rows below a head. An empty head prints none.
func table(w io.Writer, full bool, head string, rows [][]any) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if head != "" {
		_, _ = fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	}
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(texts(full, row), "\t"))
	}
	return t.Flush()
}

func texts(full bool, cells []any) (list []string) {
	for _, cell := range cells {
		if out, is := cell.(printed); is && !full {
			s := strings.TrimSpace(string(out))
			cell = long(s[strings.LastIndexByte(s, '\n')+1:])
		}
		text := show(cell)
		if _, is := cell.(long); is && !full {
			text = short(text)
		}
		list = append(list, text)
	}
	return list
}

// short cuts a text at the end of a word.
func short(s string) string {
	if utf8.RuneCountInString(s) <= shortText {
		return s
	}
	s = string([]rune(s)[:shortText-1])
	if i := strings.LastIndexByte(s, ' '); i > shortText/2 {
		s = s[:i]
	}
	return s + "…"
}

// show prints a cell in one line: an instant in UTC to the second, nothing as a
// dash, what cannot be printed escaped.
func show(cell any) string {
	var s string
	switch v := cell.(type) {
	case time.Time:
		if v.IsZero() {
			return "-"
		}
		return v.UTC().Format("2006-01-02T15:04:05Z")
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []string:
		s = strings.Join(v, ",")
	default:
		s = fmt.Sprint(v)
	}
	s = problem.Printable(strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(s))
	if s == "" || strings.HasSuffix(s, "(0)") { // an enum that is not set
		return "-"
	}
	return s
}

func notes(pairs ...any) string { return strings.Join(holding(pairs...), ", ") }

// holding returns what is worth saying, of pairs: a text and whether it holds, or
// a format and its number, which is written unless it is zero.
func holding(pairs ...any) (list []string) {
	for i := 0; i < len(pairs); i += 2 {
		text := pairs[i].(string)
		switch v := pairs[i+1].(type) {
		case bool:
			if v {
				list = append(list, text)
			}
		case int:
			if v != 0 {
				list = append(list, fmt.Sprintf(text, v))
			}
		}
	}
	return list
}

func scheduleText(d job.Definition) string {
	s, on := d.Schedule, ""
	switch s.Kind {
	case schedule.OnDemand:
		if d.After != nil {
			return afterText(*d.After)
		}
		return "on demand"
	case schedule.Once:
		if !s.At.IsZero() {
			return "once, " + show(s.At)
		}
		return "once, " + s.Local.String() + zoneText(s.Zone)
	case schedule.Daily:
		on = "every day"
	case schedule.Weekly:
		on = "every " + s.Weekdays.String()
	case schedule.MonthlyDay:
		on = fmt.Sprintf("monthly, day %d", s.Day)
	case schedule.MonthlyLast:
		on = "monthly, last day"
	case schedule.MonthlyWeekday:
		on = fmt.Sprintf("monthly, %v %v", s.Nth, s.Weekdays)
	case schedule.PatchTuesday:
		on = "on Patch Tuesday"
		if s.Offset > 0 {
			on = fmt.Sprintf("%d days after Patch Tuesday", s.Offset)
		} else if s.Offset < 0 {
			on = fmt.Sprintf("%d days before Patch Tuesday", -s.Offset)
		}
	default:
		on = s.Kind.String()
	}
	text := on + " at " + s.Time.String() + zoneText(s.Zone)
	if s.Spread > 0 {
		text += ", spread over " + adminhttp.ShortDuration(s.Spread)
	}
	if d.After != nil {
		text += ", " + afterText(*d.After)
	}
	return text
}

func zoneText(zone string) string {
	if zone == schedule.AssetZone {
		return " by each asset's clock"
	}
	return " " + zone
}

func afterText(a job.After) string {
	text := fmt.Sprintf("after %d %% of job %s succeeded", a.Share, a.Job)
	if a.PerAsset {
		text = fmt.Sprintf("on each asset after job %s succeeded there", a.Job)
	}
	if a.Delay > 0 {
		text += ", " + adminhttp.ShortDuration(a.Delay) + " later"
	}
	return text
}

func rebootText(p reboot.Policy) string {
	if p.Suppress {
		return "never: a reboot that is needed waits for a person (RBT-7)"
	}
	p = p.WithDefaults()
	text := "if needed"
	if p.Deferrals > 0 {
		text += fmt.Sprintf(", users may defer it %d times by %s", p.Deferrals, adminhttp.ShortDuration(p.Interval))
	}
	if p.Countdown > 0 {
		return text + ", after a countdown of " + adminhttp.ShortDuration(p.Countdown)
	}
	return text + ", without a countdown"
}

func windowText(d time.Duration) string {
	if d == 0 {
		return "none: an asset that is late may start and install at any time after the planned start (JOB-12)"
	}
	return adminhttp.ShortDuration(d) + " from the start; nothing new is installed after it (JOB-10)"
}

func assetsText(a job.Assets) string {
	var list []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			list = append(list, what+" "+strings.Join(names, ", "))
		}
	}
	tags := "with any tag of"
	if a.Match == job.All {
		tags = "with all tags of"
	}
	add(tags, a.IncludeTags)
	add("without tag", a.ExcludeTags)
	add("always", plain(a.Include))
	add("never", plain(a.Exclude))
	return strings.Join(list, "; ")
}

func plain[T ~string](ids []T) (list []string) {
	for _, id := range ids {
		list = append(list, string(id))
	}
	return list
}

func patchesText(p job.Patches) string {
	if p.Query == nil {
		return cmp.Or(strings.Join(plain(p.List), ", "), "none")
	}
	data, err := json.Marshal(p.Query)
	if err != nil || string(data) == "{}" {
		return "all that are missing"
	}
	return "missing, by query " + string(data)
}

func startsText(o controller.Outlook) string {
	var list []string
	for _, s := range o.Starts {
		if !s.Start.IsZero() {
			list = append(list, strings.TrimSpace(show(s.Start)+" "+s.Zone)+" ("+count(s.Assets, "asset")+")")
		}
	}
	const most = 4
	if more := len(list) - most; more > 0 {
		list = append(slices.Clip(list[:most]), fmt.Sprintf("and %d more zones", more))
	}
	return strings.Join(list, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// runState is the state of a run for people: whether its orders are being made
// or all made is the server's own affair.
func runState(s controller.RunStatus) string {
	switch {
	case s.State.Over() || s.State == ledger.RunPlanned:
		return s.State.String()
	case s.Settled:
		return "ended"
	}
	return "open"
}

// outcome is the status of a patch for people: one that a cancel kept from being
// tried did not fail.
func outcome(p job.PatchOutcome) string {
	if p.Status == job.PatchFailed && !p.FailedInstall() {
		return "cancelled"
	}
	return p.Status.String()
}

// codeTexts say what the failure codes mean.
var codeTexts = map[job.Code]string{
	job.LanguageDownloadNotAvailable: "there is no file in the asset's language",
	job.FileDownloadFailed:           "a file could not be downloaded (JOB-2)",
	job.UnspecifiedAgentError:        "the agent or its platform failed, or the install could not be verified (JOB-18)",
	job.FileValidationFailed:         "the file has neither signature nor checksum, or another version than was ordered (INT-3, CAT-7)",
	job.CodeCancelled:                "a cancel came before the deploy (JOB-3)",
	job.InstallerFailed:              "the installer failed, or reported a success that the inventory does not show (JOB-18)",
	job.DeployerProcessCrashed:       "the install was cut off, or ended at its limit (JOB-17, JOB-25)",
	job.FileSignatureFailed:          "the signature did not pass (INT-1, INT-4, INT-9)",
	job.FileHashValidationFailed:     "the checksum differs (INT-2, INT-6)",
	job.PatchURLMissing:              "the order names no file to download",
	job.PatchInstallationSkipped:     "the install did not begin (JOB-10, JOB-13, JOB-14)",
	job.FailedAfterReboot:            "after the reboot the version was not there (JOB-18)",
}

func runText(s controller.RunStatus) string {
	list := holding("%d waiting", s.Waiting, "%d not begun", s.NotBegun, "%d executing", s.Executing, "%d reboots due", s.PendingReboots,
		"%d cancels pending", s.PendingCancels, "%d patches over the cap", s.Dropped)
	for _, x := range s.Results {
		list = append(list, fmt.Sprintf("%v %d", x.Result, x.Assets))
	}
	return strings.Join(list, ", ")
}

// assetText says where an order is. A start in the future is one that it waits for.
func assetText(a controller.RunAsset, start time.Time) string {
	starts := ""
	if a.Progress < job.Blocked && start.After(time.Now()) {
		starts = ", starts " + show(start)
	}
	switch {
	case a.Waiting && a.Text == "":
		return "waits for its inventory"
	case a.Waiting:
		return "waits"
	case a.Result != 0:
		return a.Result.String()
	case a.Withdrawn:
		return "withdrawal sent"
	case a.Progress != 0:
		return a.Progress.String() + starts
	case a.HandedOut:
		return "handed out" + starts
	}
	return "not handed out yet" + starts
}
