package runner

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// Config is a runner's settings. Agent, State, Platform, Server, Verifier and Stage are required.
type Config struct {
	Agent    agent.Config
	State    State
	Platform Platform
	Server   Server
	Verifier integrity.SignatureVerifier
	Stage    string // folder for staged files, made with mode 0700 if missing; it belongs to this runner alone (INT-6)

	Zone func() string // the asset's time zone, a name of the IANA database, asked before each check-in, on any goroutine (JOB-9); nil or empty: not told
	// An order may name files of this computer below LocalFiles, with file URLs; empty: nowhere (INT-11). Links lead no farther than the
	// folder, except with "/".
	LocalFiles   string
	MinRate      int64         // least bytes per second of a download (INT-11); default 4 KiB
	DownloadTime time.Duration // the longest that one file may take (INT-11); default 24 h

	HTTP    *http.Client      // its transport fetches patch files; nil: one with the usual proxy settings and no cookies
	Clock   func() Clock      // nil: the machine's own
	Logger  *slog.Logger      // nil: none
	Observe func(agent.State) // called after every commit, from Run's goroutine; it must not change the state; nil: none
	Trace   func(point string)
	Poll    time.Duration // between looks at Platform.Status while an execution is under way; default 5 s
}

// Clock is what the asset's clocks show. The boot identity comes from Platform.Status.
type Clock struct {
	Wall time.Time     // UTC
	Up   time.Duration // since boot, sleep included
}

// ErrRebootNotAllowed is what Platform.Reboot returns when its settings do not let it reboot the asset.
var ErrRebootNotAllowed = errors.New("rebooting this asset is not allowed by the agent's settings: reboot it by hand, or allow it there")

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.HTTP = cmp.Or(c.HTTP, &http.Client{})
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.Poll = cmp.Or(c.Poll, defaultPoll)
	if c.Clock == nil {
		c.Clock = systemClock
	}
	if c.Zone == nil {
		c.Zone = func() string { return "" }
	}
	if c.Observe == nil {
		c.Observe = func(agent.State) {}
	}
	if c.Trace == nil {
		c.Trace = func(string) {}
	}
	return c
}

// validate names everything that is missing or out of bounds.
func (c Config) validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	need(c.State != nil, "State is missing")
	need(c.Platform != nil, "Platform is missing")
	need(c.Server != nil, "Server is missing")
	need(c.Verifier != nil, "Verifier is missing")
	if err := c.Agent.Policy.Validate(); err != nil && !c.Agent.Policy.IsZero() {
		errs = append(errs, fmt.Errorf("Agent.Policy: %w", err))
	}
	need(c.Stage != "", "Stage is missing: name a folder for staged files")
	need(c.LocalFiles == "" || filepath.IsAbs(c.LocalFiles), fmt.Sprintf("LocalFiles is %q: want an absolute path, or nothing", c.LocalFiles))
	need(c.MinRate >= 0, fmt.Sprintf("MinRate is %d: want a positive number of bytes per second, or zero for the default", c.MinRate))
	need(c.DownloadTime == 0 || c.DownloadTime >= time.Minute, fmt.Sprintf("DownloadTime is %v: want a minute or more, or zero for the default", c.DownloadTime))
	need(c.Poll >= 0, fmt.Sprintf("Poll is %v: want a positive duration, or zero for the default", c.Poll))
	if len(errs) > 0 {
		return fmt.Errorf("runner: %w", errors.Join(errs...))
	}
	return nil
}
