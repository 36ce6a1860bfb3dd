package controller

import (
	"bytes"
	"cmp"
	"crypto/ecdh"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Config is a controller's settings.
type Config struct {
	// Signer signs the manifests. Required.
	Signer manifest.Signer
	// Trust is every version of the trust document (MAN-13), for agents to
	// follow; the newest names Signer's key. Empty: agents get the key in
	// another way.
	Trust manifest.Chain
	// Exchange are the server's X25519 keys, the newest first, which the newest
	// trust document names. Agents without that document use an older key.
	Exchange []*ecdh.PrivateKey
	// Lead is how long before its start a run's orders are made and handed out
	// (MAN-1). Default manifest.Lead; negative: none.
	Lead time.Duration
	// Lifetime is how long a manifest is good for. Default manifest.Lifetime;
	// at most manifest.MaxLifetime.
	Lifetime time.Duration
	// Every is how long an agent waits between two calls; agents receive it when
	// they enrol (MAN-3). Default manifest.Every; see manifest.Bound.
	Every time.Duration
	// Zone finds a time zone by its IANA name, as time.LoadLocation does. The
	// zone database belongs to the caller, who gives it here; without it only
	// jobs whose schedule names no zone but UTC can be enabled (JOB-9, JOB-20).
	Zone func(name string) (*time.Location, error)
	// Policy is the signer policy that orders are made under, see
	// integrity.Policy.Excerpt; zero: none. It concerns the orders made from
	// then on: they carry its digest and their clauses, and patches without a
	// clause are left out. Agents that follow another policy refuse the files
	// of these orders (INT-4). An order with actions that the agent may not run
	// fails (INT-10).
	Policy integrity.Excerpt
	// SeenEvery is how precisely last-seen times are kept. Default 1 min;
	// negative: every call.
	SeenEvery time.Duration
	// Batch is how many assets one transaction of a pass over a fleet handles,
	// 1 to MaxBatch. Default 100. Smaller ones make fewer check-ins wait or try
	// again, and take longer in all; a database that is not embedded wants
	// small ones.
	Batch int
	// Alone says that no other controller uses the store. Then calls that
	// bring nothing new are answered from memory, which takes about 1 kB for
	// each of the first million assets.
	Alone bool
	// Deadlines are the tables in force. Of several, the earliest deadline
	// counts. MaxDeadlines at most; none: nothing has a deadline.
	Deadlines []deadline.Table

	// Calendars and Baselines are those that jobs may name (CAL-1, APR-1).
	// MaxPolicies of each at most.
	Calendars []schedule.Calendar
	Baselines []baseline.Baseline

	// OnEvent receives the event of each administrative act after it was
	// committed, before the use case returns. It is called from the goroutine
	// of the use case, so it must be safe for concurrent use. Nil: not used. A
	// server that dies right after a commit does not call it; Events has what
	// was missed.
	OnEvent func(Event)
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	c.Lead = cmp.Or(c.Lead, manifest.Lead)
	c.Lifetime = cmp.Or(c.Lifetime, manifest.Lifetime)
	c.Every = cmp.Or(c.Every, manifest.Every)
	c.SeenEvery = cmp.Or(c.SeenEvery, time.Minute)
	c.Batch = cmp.Or(c.Batch, 100)
	return c
}

// Validate reports every problem of the settings, after filling in the
// defaults. The error is a *job.Invalid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var l problem.List
	if c.Signer == nil {
		l.Add("signer", "", "is missing; make one with manifest.NewSigner")
	}
	if trust, err := c.Trust.Newest(); err != nil || trust.Version != uint64(len(c.Trust)) {
		l.Add("trust", "", "is not a chain from the first version on: %v", err)
	} else if len(c.Trust) > 0 && c.Signer != nil {
		if ids := manifest.Keys(trust.Manifest).KeyIDs(); !slices.Contains(ids, c.Signer.KeyID()) {
			l.Add("signer", c.Signer.KeyID(), "is not a key of trust document %d; its keys are %s", trust.Version, strings.Join(ids, ", "))
		}
		if len(c.Exchange) == 0 || c.Exchange[0] == nil || !bytes.Equal(c.Exchange[0].PublicKey().Bytes(), trust.Exchange) {
			l.Add("exchange", "", "does not begin with the exchange key of trust document %d; put that key first", trust.Version)
		}
	}
	for i, k := range c.Exchange {
		if k == nil {
			l.Add(fmt.Sprintf("exchange[%d]", i), "", "is missing; leave the entry out or give a key")
		}
	}
	if !c.Policy.IsZero() {
		l.Under("policy", c.Policy.Validate())
	}
	for i, t := range c.Deadlines {
		l.Under(fmt.Sprintf("deadlines[%d]", i), t.Validate())
	}
	named(&l, "calendars", c.Calendars, nameOfCalendar)
	named(&l, "baselines", c.Baselines, nameOfBaseline)
	if n := len(c.Deadlines); n > MaxDeadlines {
		l.Add("deadlines", strconv.Itoa(n), "is more than %d tables", MaxDeadlines)
	}
	if c.Lifetime <= manifest.RenewBefore || c.Lifetime > manifest.MaxLifetime {
		l.Add("lifetime", c.Lifetime.String(), "is outside the limits: give more than %v and at most %v (MAN-5)", manifest.RenewBefore, manifest.MaxLifetime)
	}
	if c.Lead > 30*24*time.Hour {
		l.Add("lead", c.Lead.String(), "is over 30 days, so orders would be out of date at the start; give 30 days at most")
	}
	if c.Batch < 1 || c.Batch > MaxBatch {
		l.Add("batch", strconv.Itoa(c.Batch), "is not between 1 and %d", MaxBatch)
	}
	if bound := manifest.Bound(c.Every); c.Every < 0 || bound > manifest.MaxPropagation {
		l.Add("every", c.Every.String(), "is not positive, or so long that a change could take %v to reach an agent, and the most is %v; let agents call more often (MAN-3)",
			bound, manifest.MaxPropagation)
	}
	return l.Err("controller settings")
}

// Controller is the server's side of the product. It is safe for concurrent
// use, and several of them may share a store, if its implementation allows that
// (package sqlstore lets one process open a file).
type Controller struct {
	store  Store
	config Config
	cached atomic.Pointer[storedSnapshot]
	formed atomic.Bool // the store's records are of a format that this release reads
	quiet  quiet
	known  *known // nil: another controller may write to the store

	secrets     *memo[secretOf, []manifest.Secret]
	inventories *memo[string, catalog.Inventory] // by content
	sets        *memo[string, job.Order]         // by name
}

// New returns a controller over a store that the caller closes. The error is a
// *job.Invalid with every problem: a missing store, and those of
// Config.Validate.
func New(store Store, config Config) (*Controller, error) {
	var l problem.List
	if store == nil {
		l.Add("store", "", "is missing; open one, such as a memstore or a sqlstore")
	}
	l.Under("", config.Validate())
	if err := l.Err("controller settings"); err != nil {
		return nil, err
	}
	config = config.WithDefaults()
	config.Lead = max(config.Lead, 0)
	c := &Controller{
		store: store, config: config, secrets: newMemo[secretOf, []manifest.Secret](maxSecrets),
		inventories: newMemo[string, catalog.Inventory](maxInventories), sets: newMemo[string, job.Order](maxSets),
	}
	if config.Alone {
		c.known = &known{calls: map[job.AssetID]*knownCall{}}
	}
	return c, nil
}

// instant is a time as it is stored: UTC, to the microsecond.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
