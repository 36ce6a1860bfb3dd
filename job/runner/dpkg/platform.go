package dpkg

import (
	"path/filepath"

	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Platform is a Debian system. Make it with New.
type Platform struct {
	cfg    Config
	host   bool // the root is the host's own
	native string
}

var _ runner.Platform = (*Platform)(nil)

func (p *Platform) path(name string) string { return filepath.Join(p.cfg.Root, name) }

// database reads what dpkg knows of the root now.
func (p *Platform) database() (*database, error) { return readDatabase(p.cfg.Root, p.native) }
