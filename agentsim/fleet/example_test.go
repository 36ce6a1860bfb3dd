package fleet_test

import (
	"context"
	"fmt"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
)

// A thousand agents, and a cancel while their orders are handed out.
func ExampleRun() {
	r, err := fleet.Run(context.Background(), fleet.Config{Agents: 1000, Days: 2, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := r.Cancel
	fmt.Printf("of %d orders %d were cancelled, for %d it was too late, %d had ended, %d have not called yet\n",
		c.Orders, c.Cancelled, c.TooLate, c.Ended, c.Unknown)
	fmt.Printf("half of the agents knew after %v, the last connected one after %v; the bound is %v\n", c.Median, c.Longest, c.Bound)
	// Output:
	// of 1000 orders 746 were cancelled, for 175 it was too late, 78 had ended, 1 have not called yet
	// half of the agents knew after 2m44s, the last connected one after 8m48s; the bound is 23m0s
}
