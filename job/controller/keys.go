package controller

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The tables. Each key is made by key from the parts named here.
const (
	tableMeta        Table = "meta"        // name: the snapshot's header; how many runs are in tableStopping; RecordsFormat
	tableServers     Table = "servers"     // leader: leaderRecord; beat and changes: numbers
	tableSnapshot    Table = "snapshot"    // chunk
	tableAssets      Table = "assets"      // asset: assetRecord
	tableSeen        Table = "seen"        // asset: seenRecord, written at most once in Config.SeenEvery
	tableHeard       Table = "heard"       // time, asset: when it last called, or enrolled
	tableReports     Table = "reports"     // asset: reportsRecord
	tableRevisions   Table = "revisions"   // asset: ledger.Revisions
	tableInventories Table = "inventories" // asset: inventoryRecord
	tableInventory   Table = "inventory"   // content, chunk: of an inventory, which all assets that have the same share
	tableImages      Table = "images"      // content: the number of its chunks. And content, asset: the asset has that inventory
	tableCloned      Table = "cloned"      // asset: two computers call as this one (MAN-9)
	tableRemoved     Table = "removed"     // asset, key: removedRecord
	tableRemovals    Table = "removals"    // time, asset, key: when a removedRecord is forgotten
	tableTokens      Table = "tokens"      // hash: Token
	tableJobs        Table = "jobs"        // job: jobRecord
	tableRuns        Table = "runs"        // job, run: runRecord
	tableDue         Table = "due"         // time, run: ledger.Due
	tableWork        Table = "work"        // run: ledger.Work
	tableStopping    Table = "stopping"    // run: ledger.Stopping
	tableOrders      Table = "orders"      // run, asset: ledger.Entry
	tableContents    Table = "contents"    // run, asset: contentRecord
	tableSets        Table = "sets"        // run, SHA-256: setRecord, shared by the orders that differ only in their asset
	tableOutcomes    Table = "outcomes"    // run, asset: ledger.Outcomes
	tableLive        Table = "live"        // run, asset: ledger.Live
	tableQueue       Table = "queue"       // asset, run: ledger.Queue, with ledger.Queued
	tableUnheard     Table = "unheard"     // asset, run: ledger.Unheard
	tableCancels     Table = "cancels"     // run, asset: ledger.Cancels
	tableReboots     Table = "reboots"     // asset, run: ledger.Reboots; without a run: the asset's ledger.PendingReboot
	tableWorking     Table = "working"     // run, asset: ledger.Working, with ledger.StageSince
	tableRunPatches  Table = "runpatches"  // run, patch: what orders of the run hold or held
	tableBodies      Table = "bodies"      // SHA-256: job.OrderPatch, shared by all orders that hold the same
	tableFailures    Table = "failures"    // time falling, asset, run: the order has a ledger.Failure of that time
	tableFailed      Table = "failed"      // asset, time falling, run: the same
	tableTallies     Table = "tallies"     // run, shard: tallyRecord
	tableCounters    Table = "counters"    // name, shard
	tableFollowers   Table = "followers"   // job, job: the second runs after the first
	tableTried       Table = "tried"       // job, asset, run: []triedRecord, of the failures that say something (JOB-27)
	tableRetried     Table = "retried"     // job, asset, patch: when somebody asked to try it again
	tableJoins       Table = "joins"       // job: it is enabled and takes late joiners
	tableShares      Table = "shares"      // run: whether enough of its assets succeeded is to be counted
	tableChained     Table = "chained"     // run, job: the run of the job that the run started
	tableEvents      Table = "events"      // time falling: Event
	tableExceptions  Table = "exceptions"  // asset or nothing, vulnerability: Excepted
	tableEvidence    Table = "evidence"    // asset, vulnerability: Evidence
	tableRollouts    Table = "rollouts"    // run: rolloutRecord
	tableMembers     Table = "members"     // run, asset: memberRecord
	tableTurns       Table = "turns"       // run, ring, asset: the order waits for a grant only
	tableWakes       Table = "wakes"       // time, run: when its rollout wants to go on
	tableChecks      Table = "checks"      // time, asset, run: when the asset may have been silent for too long
	tableSlots       Table = "slots"       // job: rollout.Slots
	tableUnreachable Table = "unreachable" // hash of a URL: Unreachable
)

// key joins parts so that keys compare as the lists of their parts do. In each
// part a zero byte becomes 00 FF, and 00 01 ends it; so no part can imitate the
// end of another.
func key(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strings.ReplaceAll(p, "\x00", "\x00\xff"))
		b.WriteString("\x00\x01")
	}
	return b.String()
}

// parts takes a key apart again. It fails on what key did not make.
func parts(k string) ([]string, error) {
	var found []string
	var b strings.Builder
	for i := 0; i < len(k); i++ {
		if k[i] != 0 {
			b.WriteByte(k[i])
			continue
		}
		i++
		switch {
		case i < len(k) && k[i] == 0xff:
			b.WriteByte(0)
		case i < len(k) && k[i] == 1:
			found = append(found, b.String())
			b.Reset()
		default:
			return nil, fmt.Errorf("key %q: a zero byte is neither escaped nor an end", k)
		}
	}
	if b.Len() > 0 {
		return nil, fmt.Errorf("key %q: its last part has no end", k)
	}
	return found, nil
}

// after is the upper bound of a scan over the keys that begin with the parts of
// prefix.
func after(prefix string) string {
	if prefix == "" {
		return ""
	}
	return prefix[:len(prefix)-1] + "\x02" // the byte after the end mark
}

// risingTime is a part that sorts by time, falling one that sorts latest first.
// Both are good for the years 1 to 9999, to the microsecond.
func risingTime(t time.Time) string { return fmt.Sprintf("%016x", uint64(t.UnixMicro())^1<<63) }

func fallingTime(t time.Time) string { return fmt.Sprintf("%016x", ^(uint64(t.UnixMicro()) ^ 1<<63)) }

func parseRising(part string) (time.Time, error) {
	n, err := strconv.ParseUint(part, 16, 64)
	if err != nil || len(part) != 16 {
		return time.Time{}, fmt.Errorf("key part %q is not a time", part)
	}
	return time.UnixMicro(int64(n ^ 1<<63)).UTC(), nil
}

func chunkPart(i int) string { return fmt.Sprintf("%06d", i) }
