package aptfeed

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

func TestSources_CAT1_CAT18(t *testing.T) {
	for _, form := range []string{"", ".gz", ".xz"} {
		t.Run(form, func(t *testing.T) {
			key := newKey(t, "archive", 0)
			files := func(dated time.Time, more ...string) catalogtest.Files {
				r := newRepo(t, "bookworm", key).main(deb("hare", "1", "amd64"), deb("hare", "2", "amd64"), deb("tortoise", "1:3-1", "all")).main(more...)
				r.forms, r.fields["Acquire-By-Hash"], r.fields["Date"] = []string{form}, "no", dated.Format(time.RFC1123)
				// Every state has another list, so that a new one is fetched.
				r.main(deb("clock", dated.Format("20060102.1504"), "amd64"))
				all := catalogtest.Files{}
				for name, data := range r.publish().files {
					all["/"+name] = data
				}
				return all
			}
			s := catalogtest.Source{
				New: func(t *testing.T, address string, client *http.Client) catalog.Feed {
					r := newRepo(t, "bookworm", key)
					r.uri = address + "/"
					c := config(root(t, r))
					c.Client = client
					return open(t, c)[0]
				},
				Files: func(_ *testing.T, dated time.Time) catalogtest.Files { return files(dated) },
				Now:   today, Entry: "/dists/bookworm/InRelease", Limit: openpgp.MaxClearsigned,
				Twice: func(*testing.T) catalogtest.Files {
					return files(today, strings.Replace(deb("hare", "1", "amd64"), "SHA256: ", "SHA256: 0", 1), strings.Replace(deb("hare", "2", "amd64"), "Size: 1004\nSHA256: ", "Size: 1004\nSHA512: "+strings.Repeat("0a", 64)+"\nX: ", 1))
				},
			}
			if form == ".gz" {
				s.Bad = map[string]func(*testing.T) catalogtest.Files{
					"too many packages": func(*testing.T) catalogtest.Files { return files(today, strings.Repeat("Package: a\n\n", 1<<20)) },
				}
			}
			catalogtest.TestSources(t, s)
		})
	}
}
