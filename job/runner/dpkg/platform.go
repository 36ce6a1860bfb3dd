package dpkg

import (
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Platform is a Debian system. Use [New] to make one.
type Platform struct {
	cfg    Config
	host   bool // the root is "/"
	native string
}

var _ runner.Platform = (*Platform)(nil)

// maxSmall bounds what is read of a small file of the root, in bytes.
const maxSmall = 1 << 20

// database reads what dpkg knows about the root now.
func (p *Platform) database() (*database, error) { return readDatabase(p.cfg.Root, p.native) }
