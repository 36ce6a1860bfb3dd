package dpkg

import (
	"context"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// Preflight refuses patches whose dependencies neither the asset nor the order
// meets, and patches that would add, remove or downgrade a package. The others
// can be installed together. It changes nothing and needs no root rights.
func (p *Platform) Preflight(ctx context.Context, patches []runner.Staged) ([]execution.PreflightResult, error) {
	db, err := p.database()
	if err != nil {
		return nil, err
	}
	plan, err := p.plan(ctx, db, patches)
	if err != nil {
		return nil, err
	}
	results := make([]execution.PreflightResult, 0, len(patches))
	for _, s := range patches {
		results = append(results, execution.PreflightResult{Index: s.Index, Refused: plan.refused[s.Index], Version: plan.versions[s.Index]})
	}
	return results, nil
}

// deployment is what can be done with some patches.
type deployment struct {
	all      []candidate
	steps    steps // over all
	refused  map[int]string
	versions map[int]version.Version // what the files contain
}

func (p *Platform) plan(ctx context.Context, db *database, patches []runner.Staged) (deployment, error) {
	d := deployment{refused: map[int]string{}, versions: map[int]version.Version{}}
	var cs []candidate
	for _, s := range patches {
		c, refused, err := p.examine(ctx, db, s)
		if err != nil {
			return d, err
		}
		d.versions[s.Index] = c.version
		if refused != "" {
			d.refused[s.Index] = refused
			continue
		}
		cs = append(cs, c)
	}
	if d.all = d.dropDoubles(cs); len(d.all) == 0 {
		return d, nil
	}
	r, err := p.newResolver(db, d.all)
	if err != nil {
		return d, err
	}
	defer r.apt.Close()
	var refused map[int]string
	d.steps, refused, err = settle(len(d.all), func(set []int) (answer, error) { return r.ask(ctx, set) })
	for i, why := range refused {
		d.refused[d.all[i].index] = "apt's resolver refuses it: " + why
	}
	return d, err
}
