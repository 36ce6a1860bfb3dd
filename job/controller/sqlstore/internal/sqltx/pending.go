package sqltx

import (
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Bounds of what a transaction keeps to itself, in order to send it at once.
const (
	maxPending = 4 << 20 // bytes of keys and values: two of the biggest records are over it
	maxMerged  = 100     // records that a scan merges in: each makes the engine look for one more
)

// pending is what a transaction has written and not sent: a round trip for each
// record would take most of its time. A nil value deletes the record.
type pending struct {
	tables map[controller.Table]map[string][]byte
	size   int // bytes
}

func (p *pending) of(k controller.Key) (value []byte, written bool) {
	value, written = p.tables[k.Table][k.Key]
	return value, written
}

// in lists what was written with from <= key < to, in the order of the keys.
func (p *pending) in(table controller.Table, from, to string) (list []controller.Record) {
	for key, value := range p.tables[table] {
		if key >= from && key < to {
			list = append(list, controller.Record{Key: key, Value: value})
		}
	}
	slices.SortFunc(list, byKey)
	return list
}

func byKey(a, b controller.Record) int { return strings.Compare(a.Key, b.Key) }

// merged returns the first limit records that there are when what was written
// takes the place of what was found. Found has every record of the range, or
// limit and one more for each that was written.
func merged(found, written []controller.Record, limit int) []controller.Record {
	if len(written) > 0 {
		found = slices.DeleteFunc(found, func(r controller.Record) bool {
			_, is := slices.BinarySearchFunc(written, r, byKey)
			return is
		})
		written = slices.DeleteFunc(written, func(r controller.Record) bool { return r.Value == nil })
		found = append(found, written...)
		slices.SortFunc(found, byKey)
	}
	return found[:min(len(found), limit)]
}

// write notes a value, which nobody else has.
func (t *tx) write(k controller.Key, value []byte) error {
	p := &t.pending
	table := p.tables[k.Table]
	if table == nil {
		table = map[string][]byte{}
		if p.tables == nil {
			p.tables = map[controller.Table]map[string][]byte{}
		}
		p.tables[k.Table] = table
	}
	table[k.Key] = value
	if p.size += len(k.Table) + len(k.Key) + len(value); p.size > maxPending {
		return t.spill()
	}
	return nil
}

// flush sends what is pending, in the order of the keys: so transactions that
// write the same records seldom wait for each other in a circle.
func (t *tx) flush() error {
	var puts []Row
	var deletes []controller.Key
	for table, records := range t.pending.tables {
		for key, value := range records {
			if k := (controller.Key{Table: table, Key: key}); value == nil {
				deletes = append(deletes, k)
			} else {
				puts = append(puts, Row{k, value})
			}
		}
	}
	t.pending = pending{}
	slices.SortFunc(puts, func(a, b Row) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(deletes, controller.Key.Compare)
	if err := t.send(t.dialect.Put, t.dialect.Puts(puts)); err != nil {
		return err
	}
	return t.send(t.dialect.Delete, t.dialect.Deletes(deletes))
}

func (t *tx) send(text string, executions [][]any) error {
	for _, args := range executions {
		if _, err := t.tx.StmtContext(t.sending(), t.side.statements[text]).ExecContext(t.sending(), args...); err != nil {
			return t.fail(err)
		}
	}
	return nil
}
