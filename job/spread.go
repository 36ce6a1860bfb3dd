package job

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"
)

// Delay is how long after the start of a run the asset begins: whole seconds from 0 to just below Spread, zero without
// one (JOB-9). It is fixed for a run and an asset, the same wherever it is computed, and over many assets uniform: the
// first eight bytes of the SHA-256 of the OrderID, a big-endian number h, make the delay ⌊h · n / 2⁶⁴⌋ seconds, n being
// the seconds of Spread.
func (s Schedule) Delay(run RunID, asset AssetID) time.Duration {
	if s.Spread <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(MakeOrderID(run, asset)))
	seconds, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), uint64(s.Spread/time.Second))
	return time.Duration(seconds) * time.Second
}

// Span is when an order of the occurrence starts on the asset and when its window ends, zero meaning that it never does.
// The window is counted from the start of the run: it closes for all assets of a zone at once, and because the spread is
// shorter it is still open when the last of them begins (JOB-9, JOB-10).
func (d Definition) Span(o Occurrence, asset AssetID) (start, end time.Time) {
	if d.Window > 0 {
		end = o.Start.Add(d.Window)
	}
	return o.Start.Add(d.Schedule.Delay(o.Run(d.ID), asset)), end
}
