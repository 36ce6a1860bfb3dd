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

// Config is the settings of a runner. Agent, State, Platform, Server, Verifier
// and Stage are required.
type Config struct {
	Agent    agent.Config
	State    State
	Platform Platform
	Server   Server
	Verifier integrity.SignatureVerifier

	// Stage is the folder for staged files. Run makes it with mode 0700 if it
	// is missing. No other runner may use it (INT-6).
	Stage string

	// Zone returns the asset's time zone, a name of the IANA database. It is
	// called before each check-in, on any goroutine (JOB-9). Nil or empty: the
	// agent reports no zone.
	Zone func() string

	// LocalFiles is the folder below which orders may name files of this
	// computer with file URLs. Links that lead out of the folder are not
	// followed, unless it is "/". Empty: no local files (INT-11).
	LocalFiles string

	MinRate      int64         // slowest allowed download, in bytes per second (INT-11); default 4 KiB
	DownloadTime time.Duration // longest time for one file (INT-11); default 24 h

	// HTTP fetches patch files with its transport. Nil: a client with the
	// usual proxy settings and without cookies.
	HTTP *http.Client

	Clock   func() agent.Moment // without the boot identity, which comes from Platform.Status; nil: the machine's clocks
	Logger  *slog.Logger        // nil: no log
	Observe func(agent.State)   // called after each commit, on Run's goroutine; must not change the state; nil: nothing is called
	Trace   func(point string)  // for crash tests, see the package documentation; nil: nothing is called
	Poll    time.Duration       // between calls of Platform.Status during an execution; default 5 s
}

// ErrRebootNotAllowed is the error of [Platform].Reboot when the platform's
// settings forbid a reboot.
var ErrRebootNotAllowed = errors.New("the agent's settings do not allow a reboot of this asset: reboot it by hand, or allow it in the settings")

func (c Config) withDefaults() Config {
	c.HTTP = cmp.Or(c.HTTP, &http.Client{})
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.Poll = cmp.Or(c.Poll, defaultPoll)
	if c.Clock == nil {
		c.Clock = func() agent.Moment { return agent.Moment{Wall: time.Now().UTC(), Up: uptime()} }
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
	need(c.LocalFiles == "" || filepath.IsAbs(c.LocalFiles), fmt.Sprintf("LocalFiles is %q: want an absolute path, or empty for no local files", c.LocalFiles))
	need(c.MinRate >= 0, fmt.Sprintf("MinRate is %d: want a positive number of bytes per second, or zero for the default", c.MinRate))
	need(c.DownloadTime == 0 || c.DownloadTime >= time.Minute, fmt.Sprintf("DownloadTime is %v: want a minute or more, or zero for the default", c.DownloadTime))
	need(c.Poll >= 0, fmt.Sprintf("Poll is %v: want a positive duration, or zero for the default", c.Poll))
	if len(errs) > 0 {
		return fmt.Errorf("runner: %w", errors.Join(errs...))
	}
	return nil
}

// begun is the zero of the portable clock.
var begun = time.Now()
