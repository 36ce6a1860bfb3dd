package random

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Trouble is a kind of thing that goes wrong. Each world has some of them only: what never happens beside everything else
// happens when half of it is left out.
type Trouble uint8

// The kinds.
const (
	Network    Trouble = 1 + iota // cuts, lost calls and answers, repeats, delays, manifests that nobody should take
	Power                         // crashes of agents before and behind every kind of step, power losses, sleep, assets that are off
	Clocks                        // assets' clocks are set, and assets move to other time zones
	Installers                    // installers, downloads, actions and inventories fail, lie, or take long; others install things
	Server                        // the server is down, crashes, also before and behind commits of its store, and is put back to a backup
	Vendors                       // ends of life, withdrawals, files that are gone, changed or newer, feeds that fail
	Edits                         // administrators disable, cancel, change, delete, retry and tag, and remove assets
	Store                         // the store repeats its transactions, as real ones may
)

var troubles = enum.Of[Trouble]("trouble", "network", "power", "clocks", "installers", "server", "vendors", "edits", "store")

// Troubles lists the kinds.
func Troubles() []Trouble { return troubles.All() }

// ParseTrouble finds a kind by its name. The error lists the names there are.
func ParseTrouble(name string) (Trouble, error) { return troubles.Parse(name) }

// String returns the kind's name.
func (t Trouble) String() string { return troubles.String(t) }

// MarshalText returns the kind's name.
func (t Trouble) MarshalText() ([]byte, error) { return troubles.MarshalText(t) }

// UnmarshalText sets the kind to the one called text.
func (t *Trouble) UnmarshalText(text []byte) error { return troubles.UnmarshalText(text, t) }
