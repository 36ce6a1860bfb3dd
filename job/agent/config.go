package agent

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Config is an agent's settings. It is not part of the state: a change counts from the next step on.
type Config struct {
	Asset      job.AssetID
	Key        manifest.Verifier // the server's manifest key, where there is no trust document (MAN-5)
	Trust      manifest.Trust    // the trust document that the agent was set up with; State.Trust holds what followed (MAN-13); zero: none
	Every      time.Duration     // between check-ins; default 15 min (MAN-3)
	Retry      time.Duration     // after a failed check-in, doubling up to Every; default 30 s
	LastCall   time.Duration     // how long a last call is waited for; default DefaultLastCall (MAN-7)
	WaitParked bool              // later jobs wait for a suppressed reboot, as they should on Windows and need not on Linux (RBT-7), unless they reboot for it (RBT-11)
	Policy     integrity.Excerpt // as in execution.Config
	Stopping   bool              // as in execution.Config
	Release    string            // of the agent, and the asset's host name: both told in each call, at most manifest.MaxWord bytes; empty: not told
	Hostname   string
	Can        []string // what the agent may do (MAN-11); nil: job.CapabilitiesUnder(Policy); empty: it runs no actions (INT-10)
}

// How long the answer to a last call is waited for (MAN-7).
const (
	DefaultLastCall = 10 * time.Second
	// lateCall is for an order whose start had passed when the asset came back: its network may take a while to come back, too.
	lateCall = 5 * time.Minute
	// lastCallPause is after the first call of it that fails; it doubles up to Config.Retry.
	lastCallPause = time.Second
)

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	if c.Every <= 0 {
		c.Every = 15 * time.Minute
	}
	if c.Retry <= 0 {
		c.Retry = 30 * time.Second
	}
	if c.LastCall <= 0 {
		c.LastCall = DefaultLastCall
	}
	if c.Can == nil {
		c.Can = job.CapabilitiesUnder(c.Policy)
	}
	return c
}
