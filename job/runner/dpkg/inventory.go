package dpkg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// Inventory lists the packages that are installed and work, each at the version
// that worked last, and how dpkg left it if it is unfinished. Packages whose record cannot be read are left out and
// logged. Without apt or its lists there are neither pins nor other channels.
func (p *Platform) Inventory(ctx context.Context) (catalog.Inventory, error) {
	db, err := p.database()
	if err != nil {
		return catalog.Inventory{}, err
	}
	var choices map[Package]Choice
	lists, err := inroot.ReadDir(p.cfg.Root, listsFolder)
	if err == nil && slices.ContainsFunc(lists, func(n fs.DirEntry) bool { return strings.Contains(n.Name(), "_Packages") }) {
		a, err := p.openApt(db, func(a *Apt) error { return a.prepare(ctx) })
		if err == nil {
			defer a.Close()
			choices, err = a.choices(ctx)
		}
		if ctx.Err() != nil {
			return catalog.Inventory{}, ctx.Err()
		}
		if err != nil && !errors.Is(err, exec.ErrNotFound) {
			p.cfg.Logger.Warn("apt did not answer: the inventory has neither pins nor other channels", "error", err)
		}
	}
	inventory, problems, err := p.inventory(db, choices)
	if len(problems) > 0 {
		p.cfg.Logger.Warn("records of the package database were left out of the inventory", "count", len(problems), "first", errors.Join(problems[:min(len(problems), 5)]...))
	}
	return inventory, err
}

// Answer is an inventory with apt's choice for each package.
type Answer struct {
	Inventory catalog.Inventory
	Choices   map[Package]Choice // of every package that is present, in any state
	LeftOut   []error            // records of the package database that cannot be read: they are not in Inventory
	Warnings  []string           // what apt warned about
}

// Inventory lists what [Platform].Inventory does, but logs nothing, and fails
// if apt does not answer.
func (a *Apt) Inventory(ctx context.Context) (Answer, error) {
	choices, err := a.choices(ctx)
	if err != nil {
		return Answer{}, fmt.Errorf("apt cannot say what it would install: %w", err)
	}
	inventory, problems, err := a.p.inventory(a.db, choices)
	return Answer{inventory, choices, problems, a.warnings}, err
}

// inventory also returns why records are left out.
func (p *Platform) inventory(db *database, choices map[Package]Choice) (catalog.Inventory, []error, error) {
	problems := slices.Clone(db.problems)
	var installed []catalog.Installed
	for _, e := range db.entries {
		works := e.works()
		if works == "" {
			continue
		}
		v, err := version.Parse(version.Debian, works)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", e.key(), err))
			continue
		}
		arch := p.real(e.arch)
		c := choices[Package{e.name, arch}]
		in := catalog.Installed{Product: debian.ProductID(p.cfg.Channel, arch, e.name), Version: v, Held: e.held(), PinnedTo: c.prefers(), Unfinished: e.leftUnfinished()}
		for _, channel := range slices.Sorted(maps.Keys(c.channels)) {
			if channel != p.cfg.Channel {
				in.Also = append(in.Also, debian.ProductID(channel, arch, e.name))
			}
		}
		installed = append(installed, in)
	}
	inventory, err := catalog.NewInventory(catalog.Linux, installed)
	return inventory, problems, err
}

// real replaces "all" with the native architecture.
func (p *Platform) real(arch string) string {
	if arch == "all" {
		return p.native
	}
	return arch
}
