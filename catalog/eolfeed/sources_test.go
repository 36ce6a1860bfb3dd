package eolfeed

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
)

func TestSources_CAT1_CAT18(t *testing.T) {
	now := time.Date(2026, 8, 22, 12, 0, 0, 0, time.UTC)
	files := func(dated time.Time, more string) catalogtest.Files {
		text := fmt.Sprintf(`{"generated_at": %q, "result": {"releases": [%s{"name": "12", "isEol": true, "eolFrom": "2026-06-10"}]}}`, dated.Format(time.RFC3339), more)
		return catalogtest.Files{"/a.json": []byte(text), "/b.json": []byte(text)}
	}
	catalogtest.TestSources(t, catalogtest.Source{
		New: func(t *testing.T, address string, client *http.Client) catalog.Feed {
			documents := []Document{{address + "/a.json", ids("a")}, {address + "/b.json", ids("b*")}}
			f, err := New("eol", documents, Options{Client: client, Now: func() time.Time { return now }})
			require.NoError(t, err)
			return f
		},
		Files: func(_ *testing.T, dated time.Time) catalogtest.Files { return files(dated, "") },
		Now:   now, Entry: "/a.json", Limit: MaxDocument,
		Bad: map[string]func(*testing.T) catalogtest.Files{
			"too many releases": func(*testing.T) catalogtest.Files {
				return files(now, strings.Repeat(`{"name": "1", "isEol": true},`, MaxReleases))
			},
			"too deep": func(*testing.T) catalogtest.Files { return files(now, strings.Repeat("[", 1<<20)) },
		},
		Twice: func(*testing.T) catalogtest.Files {
			return files(now, `{"name": "12", "isEol": false}, {"name": "\u001b", "isEol": true}, `)
		},
	})
}
