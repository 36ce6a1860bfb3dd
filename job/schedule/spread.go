package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"
)

// Delay returns how long after the start of a run an asset begins: whole
// seconds from 0 to just below Spread (JOB-9). It depends only on the order's
// id, which names the run and the asset. So it is the same wherever it is
// computed, and uniform over many assets. With h, the first eight bytes of the
// id's SHA-256 as a big-endian number, and n, the seconds of Spread, it is ⌊h ·
// n / 2⁶⁴⌋ seconds.
func (s Schedule) Delay(order string) time.Duration {
	if s.Spread <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(order))
	seconds, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), uint64(s.Spread/time.Second))
	return time.Duration(seconds) * time.Second
}
