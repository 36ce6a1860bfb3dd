package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// The example of a patch document is a feed without a rejected record.
func TestPatchExampleIsAFeed(t *testing.T) {
	batch, err := jsonfeed.Parse("example", []byte(patchExample))
	require.NoError(t, err)
	require.Len(t, batch.Patches, 1)
	require.Empty(t, batch.Rejected)
}

// The files that the help of serve shows can be given to it; what is wrong with
// one is said in words that do not speak of Go.
func TestFilesOfTheHelpAreTaken(t *testing.T) {
	shown := strings.Split(policyText, "\n\n")[1:]
	require.Len(t, shown, 3)
	file := filepath.Join(t.TempDir(), "it.json")
	check := func(i int, text string) error {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		c := serve.Config{Listen: "127.0.0.1:0", SyncEvery: time.Hour}
		*[]*[]string{&c.Calendars, &c.Baselines, &c.Deadlines}[i] = []string{file}
		return c.Validate()
	}
	for i, text := range shown {
		require.NoError(t, check(i, text))
	}
	for _, c := range []struct {
		i          int
		old, wrong string
		want       string
	}{
		{0, "Europe/Berlin", "Europe/Berlinn", `zone "Europe/Berlinn" is not known here`},
		{0, `"8h"`, `"late"`, "openings.length must not be a JSON string"},
		{0, `"2026-12-20"`, `"2026-12-20", "from": "2026-12-20"`, `"2026-12-20" is not an instant like`},
		{1, `"delay": 7`, `"delay": "7d"`, "rules.delay must not be a JSON string"},
		{2, `"anchor": "published",`, "", "anchor: is not an anchor"},
	} {
		err := check(c.i, strings.Replace(shown[c.i], c.old, c.wrong, 1))
		require.ErrorContains(t, err, c.want)
		require.NotContains(t, err.Error(), "Go ")
	}
	none := serve.Config{Listen: "127.0.0.1:0", SyncEvery: time.Hour, Deadlines: []string{"bod"}}
	require.ErrorContains(t, none.Validate(), "choose one of bod-26-04, cyber-essentials, pci-dss; there is no such file either")
}

// Each example could be enabled today; together they show every kind of
// schedule and every member of a job file.
func TestExamplesCanBeSavedAndShowEverything(t *testing.T) {
	now := time.Now()
	kinds, all := map[schedule.Kind]bool{}, ""
	for _, e := range examples(now) {
		d, err := adminhttp.ParseDefinition([]byte(e.Job))
		require.NoError(t, err, e.Kind)
		require.Equal(t, job.ID(e.Kind), d.ID)
		require.NotEmpty(t, e.Short)
		d.State = job.Disabled
		require.NoError(t, d.Validate(), e.Kind)
		require.NoError(t, d.Enable(now), e.Kind)
		exported, err := adminhttp.FormatDefinition(d)
		require.NoError(t, err)
		again, err := adminhttp.ParseDefinition(exported)
		require.NoError(t, err, "%s", exported)
		again.State = d.State
		require.Equal(t, d, again, "an export is read back as it was")
		kinds[d.Schedule.Kind], all = true, all+e.Job
	}
	require.Len(t, kinds, 8)
	for _, member := range strings.Fields("id name platform assets patches pre post schedule after window installLimit stuckAfter reboot allowLegacy strictLines " +
		"knownLines noLastCall early giveUp lateJoiners rebootPending include exclude includeTags excludeTags match list query at local time zone weekdays nth day " +
		"offset spread share perAsset delay suppress deferrals interval prompt countdown command timeout minSeverity classes products vendors cves") {
		require.Contains(t, all, `"`+member+`":`)
	}
}
