package kevfeed_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/kevfeed"
)

// fetch reads a document as one of the three feeds.
func fetch(of func(catalog.FeedID, string, kevfeed.Options) (*kevfeed.Feed, error), document string) {
	dir, err := os.MkdirTemp("", "facts")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "document")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	feed, err := of("facts", path, kevfeed.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := feed.Fetch(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range batch.Vulnerabilities {
		fmt.Println(v.ID, v.Exploited == catalog.Yes, v.Automatable == catalog.Yes, v.Probability)
	}
}

func ExampleNew() {
	fetch(kevfeed.New, `{"dateReleased": "2026-03-01T17:04:19Z", "count": 1, "vulnerabilities": [
		{"cveID": "CVE-2026-1000", "dateAdded": "2026-02-01", "dueDate": "2026-02-22", "knownRansomwareCampaignUse": "Known"}]}`)
	// Output: CVE-2026-1000 true false 0
}

func ExampleNewSSVC() {
	fetch(kevfeed.NewSSVC, `[{"cveMetadata": {"cveId": "CVE-2026-1000"}, "containers": {"adp": [{"metrics": [{"other": {"type": "ssvc", "content":
		{"timestamp": "2026-02-07T14:33:43Z", "options": [{"Automatable": "yes"}, {"Technical Impact": "partial"}]}}}]}]}}]`)
	// Output: CVE-2026-1000 false true 0
}

func ExampleNewEPSS() {
	fetch(kevfeed.NewEPSS, "#model_version:v2026.03.14,score_date:2026-03-09T12:55:00Z\ncve,epss,percentile\nCVE-2026-1000,0.94321,0.99\n")
	// Output: CVE-2026-1000 false false 943210
}
