package osvfeed_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchpolicy/patchpolicy/catalog/osvfeed"
)

// A folder with one record, of which one release counts.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "advisories")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	record := `{"id": "DSA-9001-1", "modified": "2026-02-03T04:05:06Z", "upstream": ["CVE-2026-1000"], "affected": [
		{"package": {"ecosystem": "Debian:12", "name": "hare"},
		 "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0-1+deb12u1"}]}]}]}`
	if err := os.WriteFile(filepath.Join(dir, "DSA-9001-1.json"), []byte(record), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	feed, err := osvfeed.New("osv", dir, []string{"Debian:12"}, osvfeed.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := feed.Fetch(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range batch.Advisories {
		fmt.Println(a.ID, a.CVEs, a.Fixes[0].Package.Name, a.Fixes[0].Fixed)
	}
	// Output: DSA-9001-1 [CVE-2026-1000] hare 2.0-1+deb12u1
}
