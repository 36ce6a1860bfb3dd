package jsonfeed

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
)

func TestSources_CAT1_CAT18(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	document := func(dated time.Time, more string) catalogtest.Files {
		text := strings.Replace(worked(t), `"format": 1`, `"format": 1, "dated": "`+dated.Format(time.RFC3339)+`"`, 1)
		return catalogtest.Files{"/feed.json": []byte(strings.Replace(text, `"vulnerabilities": [`, `"vulnerabilities": [`+more, 1))}
	}
	catalogtest.TestSources(t, catalogtest.Source{
		New: func(t *testing.T, address string, client *http.Client) catalog.Feed {
			f, err := New("acme", address+"/feed.json", Options{Client: client, Now: func() time.Time { return now }})
			require.NoError(t, err)
			return f
		},
		Files: func(_ *testing.T, dated time.Time) catalogtest.Files { return document(dated, "") },
		Now:   now, Entry: "/feed.json", Limit: MaxDocument,
		Bad: map[string]func(*testing.T) catalogtest.Files{
			"too many records":  func(*testing.T) catalogtest.Files { return document(now, strings.Repeat("{}, ", MaxRecords)) },
			"too deep a record": func(*testing.T) catalogtest.Files { return document(now, strings.Repeat("[", 1<<20)) },
		},
		Twice: func(*testing.T) catalogtest.Files {
			return document(now, `{"id": "CVE-2026-1234", "exploited": "no"}, {"id": "\u001b", "exploited": "yes"}, `)
		},
	})
}
