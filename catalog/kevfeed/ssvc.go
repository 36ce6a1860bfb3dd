package kevfeed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// cve is what is read of a CVE record.
type cve struct {
	Metadata struct {
		ID string `json:"cveId"`
	} `json:"cveMetadata"`
	Containers struct {
		ADP []struct {
			Metrics []struct {
				Other struct {
					Type    string          `json:"type"`
					Content json.RawMessage `json:"content"` // other types have other contents
				} `json:"other"`
			} `json:"metrics"`
		} `json:"adp"`
	} `json:"containers"`
}

type decision struct {
	Options   []map[string]string `json:"options"` // a map: encoding/json would take any case for a field's name
	Timestamp time.Time           `json:"timestamp"`
}

func readSSVC(record []byte) fetch.Found {
	if !bytes.Contains(record, []byte("ssvc")) && !bytes.Contains(record, []byte(`\u`)) {
		return fetch.Found{}
	}
	v, at, err := ssvc(record)
	if err != nil {
		return fetch.Found{Problems: []string{strings.TrimPrefix(err.Error(), "json: ")}}
	}
	found := fetch.Found{ID: v.ID, Dated: at}
	if v.Automatable != 0 || v.TotalImpact != 0 {
		found.Add = func(b *catalog.Batch) { b.Vulnerabilities = append(b.Vulnerabilities, v) }
	}
	return found
}

// ssvc returns the facts of a record by its newest decision, which it was made
// at.
func ssvc(data []byte) (v catalog.Vulnerability, at time.Time, err error) {
	var r cve
	if err := json.Unmarshal(data, &r); err != nil {
		return v, at, err
	}
	if v.ID = r.Metadata.ID; !fetch.IsCVE(v.ID) {
		return v, at, fmt.Errorf("its cveId %.80q is not a CVE id", v.ID)
	}
	for _, container := range r.Containers.ADP {
		for _, m := range container.Metrics {
			if m.Other.Type != "ssvc" {
				continue
			}
			var d decision
			if err := json.Unmarshal(m.Other.Content, &d); err != nil {
				return v, at, fmt.Errorf("its SSVC content: %w", err)
			}
			if d.Timestamp.Before(at) {
				continue
			}
			at = d.Timestamp
			if v.Automatable, v.TotalImpact, err = d.facts(); err != nil {
				return v, at, err
			}
		}
	}
	return v, at, nil
}

func (d decision) facts() (automatable, total catalog.Answer, err error) {
	for _, option := range d.Options {
		for name, value := range option {
			switch name + ": " + value {
			case "Automatable: yes":
				automatable = catalog.Yes
			case "Automatable: no":
				automatable = catalog.No
			case "Technical Impact: total":
				total = catalog.Yes
			case "Technical Impact: partial":
				total = catalog.No
			default:
				if name == "Automatable" || name == "Technical Impact" {
					return 0, 0, fmt.Errorf("its SSVC option %q has the value %.40q, which is not known", name, value)
				}
			}
		}
	}
	return automatable, total, nil
}
