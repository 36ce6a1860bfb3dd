package rpmfeed

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
)

func TestSources_CAT1_CAT18(t *testing.T) {
	for form, signed := range map[string]bool{"": false, ".gz": true, ".xz": true, ".zst": true} {
		t.Run(fmt.Sprintf("%q, signed %v", form, signed), func(t *testing.T) {
			r := sample(t)
			r.form = form
			if !signed {
				r.key = nil
			}
			primary, updateinfo := r.primary, r.updateinfo
			files := func(dated time.Time) catalogtest.Files {
				r.dated = dated
				all := catalogtest.Files{}
				for name, data := range r.publish().files {
					all["/os/"+name] = data
				}
				r.primary, r.updateinfo = primary, updateinfo
				return all
			}
			bomb := func(text string) func(*testing.T) catalogtest.Files {
				return func(*testing.T) catalogtest.Files {
					r.primary = text
					return files(today)
				}
			}
			many := strings.Repeat("<package/>", catalog.MaxPatches+1)
			s := catalogtest.Source{
				New: func(_ *testing.T, address string, client *http.Client) catalog.Feed {
					return r.feed(func(c *Config) { c.URL, c.Client = address+"/os", client })
				},
				Files: func(_ *testing.T, dated time.Time) catalogtest.Files { return files(dated) },
				Now:   today, Entry: "/os/repodata/repomd.xml", Limit: maxRepomd,
				Bad: map[string]func(*testing.T) catalogtest.Files{
					"too many packages":   bomb(many),
					"one endless package": bomb("<package><name>" + strings.Repeat("x", 2*maxRecord)),
					"no package at all":   bomb(strings.Repeat("<x/>", maxRecord/2)),
					"blanks":              bomb(strings.Repeat(" ", 2*maxRecord)),
					"deep":                bomb("<package>" + strings.Repeat("<a>", maxRecord/4)),
				},
				Twice: func(*testing.T) catalogtest.Files {
					other := strings.Replace(pkg("hare", "0", "1.0", "1", "x86_64"), `pkgid="YES">`, `pkgid="YES">00`, 1)
					r.primary += regexp.MustCompile(`">00([0-9a-f]{62})..<`).ReplaceAllString(other, `">00$1<`)
					return files(today)
				},
			}
			if form != ".gz" {
				s.Bad = nil // they are alike once unpacked
			}
			catalogtest.TestSources(t, s)
		})
	}
}
