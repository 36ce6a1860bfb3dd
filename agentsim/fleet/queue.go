package fleet

import "time"

// queue is a heap of assets by the time of what happens next to each, and by their number where that is the same.
type queue []entry

type entry struct {
	at    time.Duration
	asset int
}

func (e entry) before(o entry) bool { return e.at < o.at || e.at == o.at && e.asset < o.asset }

func (q queue) fill(assets []asset) {
	for i := range assets {
		q[i] = entry{assets[i].next(), i}
	}
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

func (q queue) first() (at time.Duration, asset int) { return q[0].at, q[0].asset }

// moved says when something happens next to the first asset.
func (q queue) moved(at time.Duration) {
	q[0].at = at
	q.down(0)
}

func (q queue) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(q); child++ {
			if q[child].before(q[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
}
