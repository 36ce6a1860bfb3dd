package dpkg

import (
	"context"
	"errors"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Inventory lists the packages that are installed and work, with holds and apt's pins (CAT-5). It needs no root and changes nothing. An
// upgrade that dpkg did not finish is missing still: such a package has the version that worked last (JOB-17). Packages whose
// record cannot be read are left out and logged.
func (p *Platform) Inventory(ctx context.Context) (catalog.Inventory, error) {
	db, err := p.database()
	if err != nil {
		return catalog.Inventory{}, err
	}
	problems := db.problems
	pins, err := p.pins(ctx, db)
	if err != nil {
		if ctx.Err() != nil {
			return catalog.Inventory{}, ctx.Err()
		}
		problems = append(problems, err)
	}
	var installed []catalog.Installed
	for _, e := range db.entries {
		works := e.works()
		if works == "" {
			continue
		}
		v, err := version.Parse(version.Debian, works)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		installed = append(installed, catalog.Installed{
			Product:  debian.ProductID(p.cfg.Channel, p.real(e.arch), e.name),
			Version:  v,
			Held:     e.held(),
			PinnedTo: pins[e.name+":"+p.real(e.arch)],
		})
	}
	if len(problems) > 0 {
		p.cfg.Logger.Warn("parts of the package database could not be used", "count", len(problems), "first", errors.Join(problems[:min(len(problems), 5)]...))
	}
	return catalog.NewInventory(catalog.Linux, installed)
}

// real turns "all" into the native architecture.
func (p *Platform) real(arch string) string {
	if arch == "all" {
		return p.native
	}
	return arch
}
