package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
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
