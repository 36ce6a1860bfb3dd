package memstore

import "github.com/patchpolicy/patchpolicy/job/controller"

// tables are the roots of all tables. There are a few dozen at most, so that looking through them is quicker than a map,
// and so is the copy that each writing transaction makes.
type tables []table

type table struct {
	name controller.Table
	root *node
}

func (t tables) root(name controller.Table) *node {
	for i := range t {
		if t[i].name == name {
			return t[i].root
		}
	}
	return nil
}

func (t *tables) set(name controller.Table, root *node) {
	for i := range *t {
		if (*t)[i].name == name {
			(*t)[i].root = root
			return
		}
	}
	*t = append(*t, table{name, root})
}
