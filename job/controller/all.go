package controller

// All reads a whole list, page by page. Page returns the items after last, at
// most [MaxPage]; the zero value of last stands for the beginning. With an error
// of page, All returns what it has read.
func All[T any](page func(last T) ([]T, error)) (all []T, err error) {
	for {
		var last T
		if len(all) > 0 {
			last = all[len(all)-1]
		}
		items, err := page(last)
		if all = append(all, items...); err != nil || len(items) < MaxPage {
			return all, err
		}
	}
}
