package report

import (
	"fmt"
	"io"
)

// progress shows how many agents are done: a line for every tenth; on a
// terminal, one line for every percent.
type progress struct {
	out      io.Writer
	terminal bool
	total    int
	shown    int // in percent
}

// done reports the number. One goroutine calls it at a time.
func (p *progress) done(n int) {
	step, end := 10, "\n"
	if p.terminal {
		step, end = 1, "\r"
	}
	if n == p.total {
		end = "\n"
	}
	if percent := n * 100 / p.total; percent >= p.shown+step {
		p.shown = percent - percent%step
		fmt.Fprintf(p.out, "%3d %%  %s of %s agents%s", p.shown, count(n), count(p.total), end)
	}
}
