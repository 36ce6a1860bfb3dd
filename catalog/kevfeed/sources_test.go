package kevfeed

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

func source(of maker, limit int64, document func(t *testing.T, dated string, more ...string) []byte) catalogtest.Source {
	one := func(data []byte) catalogtest.Files { return catalogtest.Files{"/document": data} }
	return catalogtest.Source{
		New: func(t *testing.T, address string, client *http.Client) catalog.Feed {
			o := options()
			o.Client = client
			f, err := of("facts", address+"/document", o)
			require.NoError(t, err)
			return f
		},
		Files: func(t *testing.T, dated time.Time) catalogtest.Files {
			return one(document(t, dated.Format(time.RFC3339)))
		},
		Now: now, Entry: "/document", Limit: limit,
		Twice: func(t *testing.T) catalogtest.Files { return one(document(t, now.Format(time.RFC3339), "twice")) },
	}
}

func TestSourcesOfKEV_CAT1_CAT18(t *testing.T) {
	catalogtest.TestSources(t, source(New, MaxKEV, func(_ *testing.T, dated string, more ...string) []byte {
		entries := []string{entryOf("CVE-2026-1000", "2026-02-01", "2026-02-22", "Known"), entryOf("CVE-2026-1001", "2026-02-10", "2026-02-03", "Unknown")}
		if more != nil {
			entries = append(entries, entryOf("CVE-2026-1000", "2026-03-01", "", "Unknown"), entryOf("x", "2026-02-01", "", ""))
		}
		return []byte(kev(dated, len(entries), entries...))
	}))
}

func TestSourcesOfSSVC_CAT1_CAT18(t *testing.T) {
	record := func(id, dated string) string {
		return strings.NewReplacer("CVE-2026-1000", id, "2026-02-07T14:33:43.9Z", dated).Replace(ssvcRecord)
	}
	contradiction := func(dated string) string {
		return strings.Replace(record("CVE-2026-1000", dated), `"total"`, `"partial"`, 1)
	}
	for name, pack := range map[string]func(t *testing.T, records ...string) []byte{
		"list": func(_ *testing.T, records ...string) []byte { return []byte("[" + strings.Join(records, ",\n") + "]") },
		"zip": func(t *testing.T, records ...string) []byte {
			var files []string
			for i, r := range records {
				files = append(files, "x/CVE-"+string(rune('a'+i))+".json", r)
			}
			return zipped(t, files...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := source(NewSSVC, fetch.MaxArchive, func(t *testing.T, dated string, more ...string) []byte {
				records := []string{record("CVE-2026-1000", dated), record("CVE-2026-1001", dated)}
				if more != nil {
					records = append(records, contradiction(dated))
				}
				return pack(t, records...)
			})
			s.Borders = parts
			s.Bad = map[string]func(*testing.T) catalogtest.Files{"a record over the limit, in a list": func(*testing.T) catalogtest.Files {
				return catalogtest.Files{"/document": []byte(`[{"cveMetadata": "` + strings.Repeat("x", fetch.MaxRecord) + `"}]`)}
			}}
			catalogtest.TestSources(t, s)
		})
	}
}

// parts returns where the parts of a zip archive begin.
func parts(_ string, data []byte) (all []int) {
	for i := range data {
		if i > 0 && bytes.HasPrefix(data[i:], []byte("PK")) {
			all = append(all, i)
		}
	}
	return all
}

func TestSourcesOfEPSS_CAT1_CAT18(t *testing.T) {
	const half = 60 // bytes, within a row
	text := func(dated string, more ...string) string {
		s := strings.Replace(epss, "2026-03-09T12:55:00Z", dated, 1)
		if more != nil {
			s += "CVE-2026-1000,0.00001,0.1\n\x1b[2J,1,1\n"
		}
		return s
	}
	s := source(NewEPSS, MaxEPSS, func(t *testing.T, dated string, more ...string) []byte {
		s := text(dated, more...)
		return append(gzipped(t, s[:half]), gzipped(t, s[half:])...)
	})
	s.Borders = func(_ string, data []byte) []int { return []int{bytes.LastIndex(data, []byte{0x1f, 0x8b})} }
	s.Bad = map[string]func(*testing.T) catalogtest.Files{
		"a bomb": func(t *testing.T) catalogtest.Files {
			return catalogtest.Files{"/document": gzipped(t, text("2026-03-09")+strings.Repeat(strings.Repeat("0", 60_000)+"\n", maxUnpacked/60_000+1))}
		},
		"an endless line": func(t *testing.T) catalogtest.Files {
			return catalogtest.Files{"/document": gzipped(t, text("2026-03-09")+strings.Repeat("0", 1<<20))}
		},
	}
	catalogtest.TestSources(t, s)
	s = source(NewEPSS, MaxEPSS, func(_ *testing.T, dated string, more ...string) []byte { return []byte(text(dated, more...)) })
	catalogtest.TestSources(t, s)
}
