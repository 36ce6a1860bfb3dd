package agent

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Config is an agent's settings. It is not part of the state: a change counts
// from the next step on.
type Config struct {
	Asset      job.AssetID
	Key        manifest.Verifier // the server's manifest key, if there is no trust document (MAN-5)
	Trust      manifest.Trust    // the trust document from enrolment; State.Trust holds later versions; zero: none (MAN-13)
	Every      time.Duration     // between check-ins; default 15 min (MAN-3)
	Retry      time.Duration     // after a failed check-in, doubling up to Every; default 30 s
	WaitParked bool              // later jobs wait for a suppressed reboot (RBT-7), unless they reboot for it (RBT-11); meant for Windows
	Policy     integrity.Excerpt // as in execution.Config
	Stopping   bool              // as in execution.Config
	Release    string            // of the agent; sent with Hostname in each call, each at most manifest.MaxWord bytes; empty: not sent
	Hostname   string            // of the asset
	Can        []string          // what the agent may do (MAN-11), besides job.AlwaysCan; nil: job.CapabilitiesUnder(Policy); empty: it runs no actions (INT-10)
}

// The waits of last calls (MAN-7).
const (
	// lastCallWait is how long the agent waits for the answer.
	lastCallWait = 10 * time.Second
	// lateCall is the wait of an order whose start passed while the asset
	// was off or asleep: the network may come back later.
	lateCall = 5 * time.Minute
	// lastCallPause is the pause after the first failed try; it doubles up
	// to Config.Retry.
	lastCallPause = time.Second
)

// WithDefaults returns the settings with each zero value replaced by its
// default.
func (c Config) WithDefaults() Config {
	if c.Every <= 0 {
		c.Every = manifest.Every
	}
	if c.Retry <= 0 {
		c.Retry = 30 * time.Second
	}
	if c.Can == nil {
		c.Can = job.CapabilitiesUnder(c.Policy)
	}
	c.Can = job.AlwaysCan(c.Can)
	return c
}
