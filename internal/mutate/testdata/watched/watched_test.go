package watched

import "testing"

func TestLess(t *testing.T) {
	if !less(1, 2) || less(2, 2) || upTo(3) != 3 {
		t.Fatal()
	}
}
