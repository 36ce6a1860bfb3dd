package dpkg

import (
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Platform is a Debian system. Make it with New.
type Platform struct {
	cfg    Config
	host   bool // the root is the host's own
	native string
}

var _ runner.Platform = (*Platform)(nil)

// Architecture is the native one.
func (p *Platform) Architecture() string { return p.native }

// Channel is the word that names the system's products.
func (p *Platform) Channel() string { return p.cfg.Channel }

func (p *Platform) path(name string) string { return filepath.Join(p.cfg.Root, name) }

// productID is aptfeed.ProductID, which a test holds it to: importing that package would link OpenPGP into every agent.
func (p *Platform) productID(arch, name string) catalog.ProductID {
	if arch == "all" {
		arch = p.native
	}
	return catalog.ProductID("deb/" + p.cfg.Channel + "/" + arch + "/" + name)
}

// splitProductID takes a product's id apart, as aptfeed.SplitProductID.
func splitProductID(id catalog.ProductID) (arch, name string, ok bool) {
	parts := strings.Split(string(id), "/")
	if len(parts) != 4 || parts[0] != "deb" {
		return "", "", false
	}
	return parts[2], parts[3], true
}
