package random

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"time"
)

type dice struct{ *rand.Rand }

// stream returns the random numbers of the asset, the job or the thing that the
// words name. Each has its own, so one more changes no other.
func stream(seed uint64, words ...string) dice {
	var s [8]byte
	binary.BigEndian.PutUint64(s[:], seed)
	sum := sha256.Sum256([]byte(string(s[:]) + strings.Join(words, "\x00")))
	return dice{rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))}
}

// chance is true this many times in a hundred.
func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// between returns a number from a range, both ends included.
func (d dice) between(from, to int) int { return from + d.IntN(to-from+1) }

// span returns a duration in whole seconds. Short ones are as likely as long ones.
func (d dice) span(from, to time.Duration) time.Duration {
	for top := from; top < to; top *= 4 {
		if d.IntN(3) == 0 {
			to = min(to, top*4)
			break
		}
		from = min(top*4, to)
	}
	return (from + time.Duration(d.Int64N(int64(to-from)+1))).Truncate(time.Second)
}

// when returns an instant from a range, in whole seconds.
func (d dice) when(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return (from + time.Duration(d.Int64N(int64(to-from)))).Truncate(time.Second)
}

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }
