package watched

import "testing"

func TestLess(t *testing.T) {
	if !less(1, 2) || less(2, 2) {
		t.Fatal()
	}
}
