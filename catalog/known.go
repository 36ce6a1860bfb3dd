package catalog

import "iter"

// Known yields the ids of the vulnerabilities that feeds have facts about, also
// of feeds whose facts do not count now. An id may come several times.
func (s *Snapshot) Known() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range s.orEmpty().facts {
			if f == nil {
				continue
			}
			for i := range f.vulnerabilities {
				if !yield(f.vulnerabilities[i].ID) {
					return
				}
			}
		}
	}
}
