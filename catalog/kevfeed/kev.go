package kevfeed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

type document struct {
	Released        time.Time `json:"dateReleased"`
	Count           *int      `json:"count"`
	Vulnerabilities []entry   `json:"vulnerabilities"`
}

type entry struct {
	ID         string `json:"cveID"`
	Added      string `json:"dateAdded"`
	Due        string `json:"dueDate"`
	Ransomware string `json:"knownRansomwareCampaignUse"`
}

func parseKEV(_ context.Context, feed catalog.FeedID, data []byte) (catalog.Batch, error) {
	var d document
	err := strictjson.Check(data, true)
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	switch n := len(d.Vulnerabilities); {
	case err != nil:
	case d.Released.IsZero():
		err = errors.New(`it has no "dateReleased"`)
	case d.Count == nil || *d.Count != n:
		err = fmt.Errorf(`it has %d entries, which is not its "count": it is not whole`, n)
	case n == 0:
		err = errors.New("it has no entries")
	}
	if err != nil {
		return catalog.Batch{}, errors.New(problem.Clip(err.Error(), fetch.MaxReason))
	}
	b := catalog.Batch{Dated: d.Released.UTC(), AllExploited: true}
	var bad fetch.Rejects
	ids := map[string]bool{}
	for i, e := range d.Vulnerabilities {
		id := strings.TrimSpace(e.ID)
		switch {
		case !fetch.IsCVE(id):
			bad.Add(fmt.Sprintf("entry %d", i+1), fmt.Sprintf("%.80q is not a CVE id: what is not on the list counts as unknown", e.ID))
			b.AllExploited = false
			continue
		case ids[id]:
			bad.Add("vulnerability "+id, fetch.Duplicate)
			continue
		}
		ids[id] = true
		v, problems := e.fact(id)
		b.Vulnerabilities = append(b.Vulnerabilities, v)
		if len(problems) > 0 {
			bad.Add("vulnerability "+id, problems...)
		}
	}
	b.Rejected = bad.List(feed)
	return b, nil
}

func (e entry) fact(id string) (v catalog.Vulnerability, problems []string) {
	v = catalog.Vulnerability{ID: id, Exploited: catalog.Yes}
	for _, d := range []struct {
		name, text string
		at         *time.Time
		days       int
	}{{"dateAdded", e.Added, &v.Listed, 0}, {"dueDate", e.Due, &v.Due, 1}} {
		day, err := time.Parse(time.DateOnly, strings.TrimSpace(d.text))
		switch {
		case err == nil:
			*d.at = day.AddDate(0, 0, d.days)
		case d.text != "":
			problems = append(problems, fmt.Sprintf("its %s %.40q is not a date like 2026-01-31: the entry is kept without it", d.name, d.text))
		}
	}
	if strings.EqualFold(strings.TrimSpace(e.Ransomware), "known") {
		v.Ransomware = catalog.Yes
	}
	return v, problems
}
