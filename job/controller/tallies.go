package controller

import (
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// tallyRecord is a part of the counts of a run. Its numbers can be negative; the
// sum of the parts counts the orders.
type tallyRecord struct {
	ledger.Tally
	Succeeded int         `json:"succeeded,omitempty"`
	Results   []RunResult `json:"results,omitempty"`
}

// shards spreads a counter over rows, so that the reports of two assets seldom
// wait for each other.
const shards = 16

func shard(asset job.AssetID) string {
	h := fnv.New32a()
	h.Write([]byte(asset))
	return strconv.Itoa(int(h.Sum32() % shards))
}

// tallyKey is the part of a run's counts that the calls of an asset change.
func tallyKey(run job.RunID, asset job.AssetID) Key {
	return Key{tableTallies, key(string(run), shard(asset))}
}

// tally moves an order, in the counts, from its state before a step to that
// after it.
func (t *tx) tally(before, after ledger.Entry) {
	var change ledger.Tally
	change.Replace(before, after)
	if change == (ledger.Tally{}) {
		return
	}
	c := t.tallies[after.Run]
	if c == nil { // one part for all that a transaction changes in a run
		c = &tallied{at: tallyKey(after.Run, after.Asset)}
		t.tallies[after.Run] = c
	}
	c.Plus(change)
}

// tallied is what a transaction changes in the counts of a run.
type tallied struct {
	ledger.Tally
	at Key
}

// saveTallies stores what changed in the counts of runs.
func (t *tx) saveTallies() {
	var keys []Key
	for _, c := range t.tallies {
		keys = append(keys, c.at)
	}
	t.fetch(keys...)
	for _, c := range t.tallies {
		if c.Tally == (ledger.Tally{}) {
			continue
		}
		rec, _ := load[tallyRecord](t.reader, c.at.Table, c.at.Key)
		rec.add(c.Tally)
		t.save(c.at.Table, c.at.Key, rec)
	}
}

func (rec *tallyRecord) add(change ledger.Tally) {
	rec.Plus(change)
	rec.Succeeded += change.Succeeded
	for result, n := range change.Results {
		i := slices.IndexFunc(rec.Results, func(r RunResult) bool { return r.Result == job.Result(result) })
		switch {
		case n == 0:
		case i < 0:
			rec.Results = append(rec.Results, RunResult{job.Result(result), n})
		default:
			rec.Results[i].Assets += n
		}
	}
}

func (rec tallyRecord) sum() ledger.Tally {
	t := rec.Tally
	t.Succeeded = rec.Succeeded
	for _, r := range rec.Results {
		if int(r.Result) < len(t.Results) { // otherwise this release does not know it
			t.Results[r.Result] = r.Assets
		}
	}
	return t
}

// counts returns the counts of a run.
func (r *reader) counts(run job.RunID) (sum ledger.Tally) {
	for rec := range values[tallyRecord](r, tableTallies, key(string(run)), "") {
		sum.Plus(rec.sum())
	}
	return sum
}
