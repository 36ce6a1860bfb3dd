package dpkg

import (
	"cmp"
	"slices"
)

// settle splits the candidates 0 to n-1 into those that can be installed
// together and those that are refused, each with the reason that ask gives for
// it together with the accepted ones. It refuses exactly those that do not
// install even then: ask decides; whom it blames is only a hint.
func settle(n int, ask func(set []int) (answer, error)) (order steps, refused map[int]string, err error) {
	s := settler{ask: ask}
	left := make([]int, n)
	for i := range left {
		left[i] = i
	}
	for again := true; again && len(left) > 0; {
		before := len(left)
		left, err = s.grow(left)
		if err == nil && len(left) == before && before > 2 {
			left, err = s.leaveOneOut(left)
		}
		if err != nil {
			return nil, nil, err
		}
		again = len(left) < before
	}
	refused = map[int]string{}
	for _, i := range left {
		a, err := s.ask(s.with(i))
		if err != nil {
			return nil, nil, err
		}
		refused[i] = cmp.Or(a.broken[i], a.why, "apt would not install it beside the others")
	}
	return s.steps, refused, nil
}

type settler struct {
	ask      func(set []int) (answer, error)
	accepted []int
	steps    steps // the accepted ones as ask ordered them
}

func (s *settler) with(more ...int) []int {
	set := slices.Concat(s.accepted, more)
	slices.Sort(set)
	return set
}

// try accepts the items if they can be installed together with the accepted
// ones.
func (s *settler) try(items []int) (answer, error) {
	a, err := s.ask(s.with(items...))
	if err == nil && a.ok {
		s.accepted, s.steps = s.with(items...), a.steps
	}
	return a, err
}

// grow accepts what it can of the items and returns the rest. If ask blames
// some, they are set aside; if it blames none, halves are tried, which finds
// the cause with few questions.
func (s *settler) grow(items []int) (left []int, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	a, err := s.try(items)
	if err != nil || a.ok {
		return nil, err
	}
	if len(items) == 1 {
		return items, nil
	}
	var blamed, rest []int
	for _, i := range items {
		if _, bad := a.broken[i]; bad {
			blamed = append(blamed, i)
		} else {
			rest = append(rest, i)
		}
	}
	if len(blamed) == 0 || len(rest) == 0 {
		rest, blamed = items[:len(items)/2], items[len(items)/2:]
		more, err := s.grow(blamed)
		if err != nil {
			return nil, err
		}
		blamed = more
	}
	left, err = s.grow(rest)
	left = append(left, blamed...)
	slices.Sort(left)
	return left, err
}

// leaveOneOut finds a single cause among items that need each other.
func (s *settler) leaveOneOut(items []int) (left []int, err error) {
	for _, i := range items {
		others := slices.DeleteFunc(slices.Clone(items), func(j int) bool { return j == i })
		a, err := s.try(others)
		if err != nil {
			return nil, err
		}
		if a.ok {
			return []int{i}, nil
		}
	}
	return items, nil
}
