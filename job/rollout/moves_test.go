package rollout_test

import "fmt"

// move is one step of a history.
type move struct {
	kind  kind
	asset int8
	arg   int8 // a grant, or a ring
	two   bool // server 2 reads for it
}

type kind int8

const (
	ask kind = iota + 1
	takeBegan
	takeGood
	takeBad
	takeEmpty
	takeDropped
	heard
	remove
	join
	recall
	tick
	stop
	resume
	expedite
	abandon
	commit // of server 2
	crash  // of server 2
	receive
	drop // the asset receives a withdrawal
	begin
	succeed
	fail
	skip // the order does not apply
	call
	wait // an hour
	kinds
)

var words = [kinds]string{ask: "grants if it may:", takeBegan: "takes the report 'begun'", takeGood: "takes the report 'succeeded'",
	takeBad: "takes the report 'failed'", takeEmpty: "takes the report 'not applicable'", takeDropped: "takes the report 'withdrawn'",
	heard: "checks for silence:", remove: "removes", join: "enrols", recall: "sends a withdrawal if the rollout recalls", tick: "ticks", stop: "stops the rollout",
	resume: "resumes the rollout", expedite: "expedites ring", abandon: "abandons the rollout", commit: "server 2 commits", crash: "server 2 crashes",
	receive: "receives its order", drop: "receives the withdrawal", begin: "begins", succeed: "succeeds", fail: "fails", skip: "finds nothing to do",
	call: "calls", wait: "an hour passes"}

func (m move) String() string {
	text := words[m.kind]
	name := string(rune('a' + m.asset))
	switch {
	case m.kind >= receive && m.kind <= call:
		return "asset " + name + " " + text
	case m.kind >= commit:
		return text
	case m.kind == expedite:
		text += fmt.Sprintf(" %d", m.arg)
	case m.kind >= takeBegan && m.kind <= takeDropped:
		text += fmt.Sprintf(" of %s for grant %d", name, m.arg)
	case m.kind < tick:
		text += " " + name
	}
	if m.two {
		return "server 2 reads, and then " + text
	}
	return "server 1 " + text
}

// vocabulary has every move under its text.
var vocabulary = func() map[string]move {
	all := map[string]move{}
	for k := ask; k < kinds; k++ {
		for asset := range int8(most) {
			for arg := range int8(6) {
				for _, two := range []bool{false, true} {
					m := move{k, asset, arg, two}
					if _, have := all[m.String()]; !have {
						all[m.String()] = m
					}
				}
			}
		}
	}
	return all
}()
