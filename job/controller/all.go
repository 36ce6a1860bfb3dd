package controller

import "iter"

// All ranges over a whole list, read page by page. Page returns the items after
// last, at most [MaxPage]; the zero value of last stands for the beginning. If
// page fails, the last pair has its error and the item of the pair before.
func All[T any](page func(last T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last T
		for {
			items, err := page(last)
			if err != nil {
				yield(last, err)
				return
			}
			for _, last = range items {
				if !yield(last, nil) {
					return
				}
			}
			if len(items) < MaxPage {
				return
			}
		}
	}
}
