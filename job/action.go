package job

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Action is a command run before or after the patches (JOB-13).
type Action struct {
	Name    string        `json:"name"`
	Command []string      `json:"command"`           // program and arguments: no shell
	Timeout time.Duration `json:"timeout,omitempty"` // zero: 10 min
}

func checkActions(l *problem.List, field string, list []Action) {
	if len(list) > MaxActions {
		l.Add(field, fmt.Sprint(len(list)), "actions are too many; use at most %d", MaxActions)
	}
	for i, a := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		checkText(l, at+".name", a.Name)
		switch {
		case len(a.Command) == 0 || a.Command[0] == "":
			l.Add(at+".command", "", "is empty; name the program to run")
		case len(a.Command) > MaxArguments:
			l.Add(at+".command", fmt.Sprint(len(a.Command)), "are too many words; use at most %d", MaxArguments)
		}
		for j, word := range a.Command {
			if len(word) > MaxText {
				l.Add(fmt.Sprintf("%s.command[%d]", at, j), word, "is longer than %d bytes", MaxText)
			}
		}
		if a.Timeout < 0 || a.Timeout > MaxActionTime {
			l.Add(at+".timeout", a.Timeout.String(), "is not between zero (%v) and %v", DefaultActionTime, MaxActionTime)
		}
	}
}
