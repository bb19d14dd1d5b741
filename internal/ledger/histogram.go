package ledger

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in microseconds, each bucket at most a 64th wide, so that a
// ledger can run for days in a fixed memory. (Log-linear, as HdrHistogram's.)
type histogram struct {
	counts [(64 - subBits) << subBits]int64
	total  int64
	max    time.Duration
}

const subBits = 6

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(0, d.Microseconds())))]++
	h.total++
	h.max = max(h.max, d)
}

// bucket of a value: exact below 128, then 64 to each doubling.
func bucket(us uint64) int {
	shift := max(0, bits.Len64(us)-subBits-1)
	return shift<<subBits + int(us>>shift)
}

// top is the largest value of a bucket.
func top(i int) uint64 {
	shift := max(0, i>>subBits-1)
	return uint64(i-shift<<subBits+1)<<shift - 1
}

// quantile is the time within which the fraction q ended, at most a 64th too long.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	want := int64(rank(q, int(h.total)))
	for i, n := range h.counts {
		if want -= n; want <= 0 {
			if us := top(i); us < uint64(h.max.Microseconds()) {
				return time.Duration(us) * time.Microsecond
			}
			break
		}
	}
	return h.max
}

// rank is the nearest rank of a quantile among n values, from 1.
func rank(q float64, n int) int {
	return min(max(1, int(math.Ceil(q*float64(n)))), n)
}
