package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"
)

// Delay is how long after the start of a run an asset begins: whole seconds from 0 to just below Spread, zero without
// one (JOB-9). It depends only on the id of the order, which names the run and the asset, so it is the same wherever it
// is computed, and uniform over many assets: the first eight bytes of the SHA-256 of the id, a big-endian number h, make
// the delay ⌊h · n / 2⁶⁴⌋ seconds, n being the seconds of Spread.
func (s Schedule) Delay(order string) time.Duration {
	if s.Spread <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(order))
	seconds, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), uint64(s.Spread/time.Second))
	return time.Duration(seconds) * time.Second
}
