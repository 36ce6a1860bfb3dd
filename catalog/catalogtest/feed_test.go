package catalogtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// memory is a feed that keeps the contract, unless one of its faults is named.
type memory struct {
	fault   string
	fetches atomic.Int32
	last    catalog.Batch
}

var made atomic.Int32

func (m *memory) ID() catalog.FeedID {
	if m.fault == "id" && m.fetches.Load() > 0 {
		return "other"
	}
	return "memory"
}

func (m *memory) Fetch(ctx context.Context) (catalog.Batch, error) {
	n := m.fetches.Add(1)
	switch {
	case ctx.Err() == nil || m.fault == "deaf":
	case m.fault == "own error":
		return catalog.Batch{}, errors.New("cancelled")
	default:
		m.fetches.Add(-1)
		return catalog.Batch{}, ctx.Err()
	}
	v, err := version.Parse(version.Dotted, "1.2")
	if err != nil {
		return catalog.Batch{}, err
	}
	b := catalog.Batch{
		Feed: "memory", At: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC),
		Products: []catalog.Product{{ID: "p", Name: "P", Platform: catalog.MacOS, Scheme: version.Dotted}},
		Patches:  []catalog.Patch{{ID: "p-1.2", Product: "p", Version: v}, {ID: "p-1.2-too", Product: "p", Version: v}},
	}
	switch m.fault {
	case "reorders": // which is allowed
		if n%2 == 0 {
			slices.Reverse(b.Patches)
		}
	case "unchanged", "says unchanged first":
		if n > 1 || m.fault != "unchanged" {
			return catalog.Batch{Feed: "memory", At: b.At, Unchanged: true}, nil
		}
	case "unchanged with records":
		b.Unchanged = n > 1
	case "feed":
		b.Feed = "other"
	case "err":
		b.Err = "down"
	case "empty":
		b.Products, b.Patches = nil, nil
	case "zone":
		b.At = b.At.In(time.FixedZone("", 3600))
	case "no time": // which is allowed
		b.At = time.Time{}
	case "dated": // which is allowed
		b.Dated, b.Authority, b.Names = b.At, "acme", []string{"p"}
	case "dated in a zone":
		b.Dated = b.At.In(time.FixedZone("", 3600))
	case "date goes back":
		b.Dated = b.At.Add(-time.Duration(n) * time.Hour)
	case "claims all":
		b.Names = []string{""}
	case "authority changes":
		b.Authority = strconv.Itoa(int(n))
	case "names change":
		b.Names = []string{strconv.Itoa(int(n))}
	case "listed":
		b.Patches[0].Listed = b.At
	case "rejects":
		b.Rejected = []catalog.Rejected{{Record: "x", Reasons: []string{"y"}}}
	case "differs":
		b.Patches[0].Title = strconv.Itoa(int(n))
	case "facts differ":
		b.Vulnerabilities = []catalog.Vulnerability{{ID: "CVE-2026-1", Probability: uint32(n) * 100_000}}
	case "differs again":
		b.Patches[0].Title = strconv.Itoa(int(made.Load()))
	case "unfit":
		b.Patches[0].Product = "nobody"
	case "shares":
		if m.last.Patches == nil {
			m.last = b
		}
		return m.last, nil
	}
	return b, nil
}

const faultVariable = "CATALOGTEST_FAULT"

func TestGoodFeeds(t *testing.T) {
	for _, manner := range []string{"", "unchanged", "reorders", "no time", "dated"} {
		TestFeed(t, func(t *testing.T) catalog.Feed { return &memory{fault: manner} })
	}
}

// TestOneFault runs the suite on a broken feed, in the process that TestSuiteFindsFaults starts.
func TestOneFault(t *testing.T) {
	if fault := os.Getenv(faultVariable); fault != "" {
		TestFeed(t, func(t *testing.T) catalog.Feed {
			made.Add(1)
			return &memory{fault: fault}
		})
	}
}

// Each fault is found, by the words that report it.
func TestSuiteFindsFaults(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for fault, want := range map[string]string{
		"id": "the id changed with a fetch", "deaf": "Fetch with a cancelled context", "own error": "Fetch with a cancelled context",
		"says unchanged first": "says Unchanged", "unchanged with records": "holds records", "feed": "the batch names feed", "err": "the batch says",
		"empty": "the source has no record", "zone": "want an instant in UTC", "dated in a zone": "is dated",
		"date goes back": "the date of an unchanged source", "claims all": "by an empty name", "authority changes": "authority changed", "names change": "claims changed", "listed": "has Listed, which only Sync sets", "rejects": "the feed rejected",
		"differs": "of an unchanged source differ", "facts differ": "of an unchanged source differ", "differs again": "over one source differ", "unfit": "the catalog rejected", "shares": "what the caller wrote",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			run := exec.Command(self, "-test.run=^TestOneFault$")
			run.Env = append(os.Environ(), faultVariable+"="+fault)
			out, err := run.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the suite passed:\n%s", out)
			require.Contains(t, string(out), want)
		})
	}
}
