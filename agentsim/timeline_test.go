package agentsim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLocalTimes checks that an asset's local time is shown beside UTC, with the
// day where it is not the same.
func TestLocalTimes(t *testing.T) {
	at := time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"America/New_York": "2026-03-02T05:00Z (00:00 New York)",
		"Pacific/Honolulu": "2026-03-02T05:00Z (2026-03-01 19:00 Honolulu)",
		"Asia/Kathmandu":   "2026-03-02T05:00Z (10:45 Kathmandu)",
		"UTC":              "2026-03-02T05:00Z (05:00 UTC)",
		"Mars/Base":        "2026-03-02T05:00Z",
		"":                 "2026-03-02T05:00Z",
	} {
		require.Equal(t, want, moment(at, zone))
	}
	require.Equal(t, "2026-03-02T05:00:07Z", moment(at.Add(7*time.Second), ""))

	s, err := ParseScript("f", `clock 2026-03-02T00:00:00Z
asset ny in America/New_York
asset plain
+5h ny goes off
plain goes off
+6h ny comes on
ny moves to Asia/Tokyo
+7h ny goes off`)
	require.NoError(t, err)
	w, err := s.Play(Config{})
	require.NoError(t, err)
	require.Equal(t, `+5h          ny         (00:00 New York) is switched off
+5h          plain      is switched off
+6h          ny         (01:00 New York) booted
+6h          ny         (01:00 New York) moves to Asia/Tokyo
+7h          ny         (16:00 Tokyo) is switched off
`, Timeline(w.History(), w.Start()))
}
