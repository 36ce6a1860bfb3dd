package reboot_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// A user defers the reboot once, then nobody answers: the countdown, the
// reboot, and the proof of it.
func ExampleStep() {
	policy := reboot.Policy{Deferrals: 2, Interval: time.Hour, Prompt: 5 * time.Minute, Countdown: 10 * time.Minute}
	if err := policy.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	const start schedule.Steady = 1 // any instant but zero
	now, state, out := start, reboot.State{}, reboot.Out{}
	step := func(e reboot.Event) {
		state, out = reboot.Step(policy, state, e, schedule.At{Steady: now})
		// A real agent makes state durable here, and only then carries
		// the effects out.
		fmt.Printf("%s %s", now.Sub(start), state.Phase)
		for _, e := range out.Effects {
			switch e := e.(type) {
			case reboot.ShowPrompt:
				fmt.Printf(", prompt: %d left, reboot at %s at the latest", e.Remaining, e.Last.Sub(start))
			case reboot.ShowCountdown:
				fmt.Printf(", countdown of %s", e.Left)
			default:
				fmt.Printf(", %T", e)
			}
		}
		fmt.Println()
	}

	step(reboot.Due{BootID: "boot 1", Sessions: reboot.Active})
	now = now.Add(time.Minute)
	step(reboot.Defer{})
	for state.Phase != reboot.Asked {
		now = now.Add(out.Wake)
		step(reboot.Tick{})
	}
	now = now.Add(30 * time.Second)
	step(reboot.Booted{BootID: "boot 2"})
	// Output:
	// 0s prompting, prompt: 2 left, reboot at 2h20m0s at the latest
	// 1m0s deferred, reboot.ClearPrompt
	// 1h1m0s prompting, prompt: 1 left, reboot at 2h16m0s at the latest
	// 1h6m0s deferred, reboot.ClearPrompt
	// 2h6m0s counting, countdown of 10m0s
	// 2h16m0s asked, reboot.ClearPrompt, reboot.Reboot
	// 2h16m30s rebooted
}

// A policy that could defer the reboot by more than 168 h is refused; the error
// says what would fit.
func ExamplePolicy_Validate() {
	fmt.Println(reboot.Policy{Deferrals: 30, Interval: 6 * time.Hour}.Validate())
	// Output:
	// reboot policy is not valid: deferrals "30": with a prompt of 5m0s, an interval of 6h0m0s and a countdown of 5m0s, the reboot could come later than 168 h after the first offer; use at most 27 deferrals or shorter times (RBT-6)
}
