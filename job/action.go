package job

import (
	"fmt"
	"time"
)

// Action is a command run before or after the patches (JOB-13).
type Action struct {
	Name    string        `json:"name"`
	Command []string      `json:"command"`           // program and arguments: no shell
	Timeout time.Duration `json:"timeout,omitempty"` // zero: 10 min
}

func (p *problems) actions(field string, list []Action) {
	if len(list) > MaxActions {
		p.add(field, fmt.Sprint(len(list)), fmt.Sprintf("is longer than %d", MaxActions))
	}
	for i, a := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		p.text(at+".name", a.Name)
		switch {
		case len(a.Command) == 0 || a.Command[0] == "":
			p.add(at+".command", "", "is empty; name the program to run")
		case len(a.Command) > MaxArguments:
			p.add(at+".command", fmt.Sprint(len(a.Command)), fmt.Sprintf("has more than %d words", MaxArguments))
		}
		for j, word := range a.Command {
			if len(word) > MaxText {
				p.add(fmt.Sprintf("%s.command[%d]", at, j), word, fmt.Sprintf("is longer than %d bytes", MaxText))
			}
		}
		if a.Timeout < 0 || a.Timeout > MaxActionTime {
			p.add(at+".timeout", a.Timeout.String(), fmt.Sprintf("is not between zero (%v) and %v", DefaultActionTime, MaxActionTime))
		}
	}
}

// The exit codes of actions (JOB-13).
const (
	exitOK           = 0
	exitReboot       = 10
	exitFailedReboot = 11
	exitAbort        = 12
	exitSkipped      = 101
)
