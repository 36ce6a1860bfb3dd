package manifest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Unknown names in a call are kept as text, and the rest is unchanged (MAN-11).
func TestCheckInOfALaterRelease_MAN11(t *testing.T) {
	var c manifest.CheckIn
	require.NoError(t, json.Unmarshal([]byte(`{"asset":"web-1","at":"2026-01-31T12:00:00Z","altitude":1,"can":["actions","flying"],"reports":[
		{"sequence":1,"order":"a","progress":"Flying","text":"up"},
		{"sequence":2,"order":"a","result":"Failed","patches":[{"patch":"p","status":"failed","code":300,"to":"zap:1","text":"why","check":{"passed":false,"reason":"Flown","signature":{"status":"absent"}}}]}],
		"inventory":{"platform":"beos","installed":[{"product":"b","version":"zap:1"},{"product":"a","version":"semver:1.0.0"}]}}`), &c))
	require.NoError(t, c.Validate())
	require.Equal(t, `up; progress "Flying"`, c.Reports[0].Text)
	p := c.Reports[1].Patches[0]
	require.Equal(t, `why; code "300"; check.reason "Flown"`, p.Text)
	require.Equal(t, job.PatchFailed, p.Status)
	require.Equal(t, "zap:1", p.To.String())
	require.Equal(t, "unknown", c.Inventory.Platform.String())
	require.EqualValues(t, "a", slices.Collect(c.Inventory.Installed())[0].Product)
}

func TestFormats_MAN11(t *testing.T) {
	c := manifest.CheckIn{Asset: "web-1", At: t0, Format: manifest.Format + 1}
	var newer *manifest.NewerFormat
	require.ErrorAs(t, c.Validate(), &newer)
	require.ErrorIs(t, c.Validate(), manifest.ErrInvalid, "the agent gets this error")
	require.ErrorAs(t, manifest.Enrolment{Format: 9}.Validate(), &newer)
	require.EqualError(t, newer, "the enrolment has format 9, and this release knows formats up to 1: use the release that wrote it, or a later one")
	c.Format = -1
	require.ErrorContains(t, c.Validate(), "format")
	c.Format = 0
	require.NoError(t, c.Validate())
	c.Can = strings.Split(strings.Repeat("a ", job.MaxCapabilities)+"a", " ")
	require.ErrorContains(t, c.Validate(), "can")
}

// FuzzCheckIn: reading never panics, and a call that was read reads the same
// after it is written again (MAN-11).
func FuzzCheckIn(f *testing.F) {
	f.Add([]byte(`{"asset":"a","reports":[{"progress":"Flying","patches":[{"status":"?","code":999,"from":"zap:1","check":{"reason":"x","compared":"y"}}]}],"inventory":{"platform":"z","installed":[{"version":"1"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var read, back manifest.CheckIn
		if json.Unmarshal(data, &read) != nil {
			return
		}
		written, err := json.Marshal(read)
		if err != nil { // a year past 9999
			return
		}
		require.NoError(t, json.Unmarshal(written, &back))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again))
	})
}
