package osvfeed

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

func TestSources_CAT1_CAT18(t *testing.T) {
	for name, pack := range map[string]func(t *testing.T, records ...string) []byte{
		"list": func(_ *testing.T, records ...string) []byte { return list(records...) },
		"zip": func(t *testing.T, records ...string) []byte {
			var files [][2]string
			for i, r := range records {
				files = append(files, [2]string{string(rune('a'+i)) + ".json", r})
			}
			return archive(t, files...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := func(t *testing.T, dated time.Time, more ...string) catalogtest.Files {
				newest := strings.Replace(dsa, "2026-02-03T04:05:06Z", dated.Format(time.RFC3339), 1)
				return catalogtest.Files{"/all": pack(t, append([]string{newest, tracker}, more...)...)}
			}
			catalogtest.TestSources(t, catalogtest.Source{
				New: func(t *testing.T, address string, client *http.Client) catalog.Feed {
					f, err := New("osv", address+"/all", []string{"Debian:12"}, Options{Client: client, Now: options().Now})
					require.NoError(t, err)
					return f
				},
				Files: func(t *testing.T, dated time.Time) catalogtest.Files { return files(t, dated) },
				Now:   now, Entry: "/all", Limit: fetch.MaxArchive,
				Borders: func(_ string, data []byte) (all []int) {
					for i := range data {
						if i > 0 && bytes.HasPrefix(data[i:], []byte("PK")) {
							all = append(all, i)
						}
					}
					return all
				},
				Bad: map[string]func(*testing.T) catalogtest.Files{"a record over the limit, in a list": func(*testing.T) catalogtest.Files {
					return catalogtest.Files{"/all": []byte(`["` + strings.Repeat("x", fetch.MaxRecord) + `"]`)}
				}},
				Twice: func(t *testing.T) catalogtest.Files {
					return files(t, now, strings.Replace(dsa, "1:2.0-1+deb12u1", "1:3.0-1", 1), strings.Replace(dsa, "DSA-9001-1", `DSA-9002-1\u001b`, 1),
						strings.Replace(tracker, `[{"introduced": "0"}]`, `[{"introduced": "\u001b"}]`, 1))
				},
			})
		})
	}
}
