package random

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Trouble is a kind of thing that goes wrong.
type Trouble uint8

// The kinds.
const (
	Network    Trouble = 1 + iota // cuts; lost, repeated and late messages; manifests that nobody may accept
	Power                         // crashes of agents around every kind of step, power losses, sleep, assets that are off
	Clocks                        // clocks are set; assets move to other time zones
	Installers                    // installers, downloads, actions and inventories fail, lie or are slow; others install things
	Server                        // the server is down, crashes, also around commits, and is restored from a backup
	Vendors                       // end of life, withdrawals; files that are missing, changed or newer; feeds that fail
	Edits                         // administrators disable, cancel, change, delete, retry, tag, and remove assets
	Store                         // the store repeats transactions, as real ones may
)

var troubles = enum.Of[Trouble]("trouble", "network", "power", "clocks", "installers", "server", "vendors", "edits", "store")

// Troubles lists the kinds.
func Troubles() []Trouble { return troubles.All() }

// ParseTrouble returns the kind with the given name. The error lists the names.
func ParseTrouble(name string) (Trouble, error) { return troubles.Parse(name) }

// String returns the kind's name.
func (t Trouble) String() string { return troubles.String(t) }
