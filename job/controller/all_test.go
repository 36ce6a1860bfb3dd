package controller_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// numbers lists 1 to most in pages. The page that begins after fails has an
// error.
func numbers(most, fails int) func(int) ([]int, error) {
	return func(last int) (page []int, err error) {
		if last == fails {
			return nil, errors.New("the store is gone")
		}
		for n := last + 1; n <= most && len(page) < controller.MaxPage; n++ {
			page = append(page, n)
		}
		return page, nil
	}
}

func TestAllReadsEveryPageInOrder(t *testing.T) {
	for _, most := range []int{0, 1, controller.MaxPage - 1, controller.MaxPage, controller.MaxPage + 1, 2*controller.MaxPage + 7} {
		want := 0
		for n, err := range controller.All(numbers(most, -1)) {
			require.NoError(t, err)
			want++
			require.Equal(t, want, n)
		}
		require.Equal(t, most, want)
	}
}

func TestAllEndsWithAnErrorOrAtABreak(t *testing.T) {
	read, failed := 0, error(nil)
	for _, err := range controller.All(numbers(3*controller.MaxPage, controller.MaxPage)) {
		if failed = err; err == nil {
			read++
		}
	}
	require.Equal(t, controller.MaxPage, read)
	require.ErrorContains(t, failed, "the store is gone")
	for n := range controller.All(numbers(3*controller.MaxPage, controller.MaxPage)) {
		if n == 5 {
			break
		}
		require.Less(t, n, 5)
	}
}
