package baseline

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestNames_APR1(t *testing.T) {
	enumtest.Check(t, map[Answer]string{Approved: "approved", Waiting: "waiting", Denied: "denied", NoRule: "noRule"}, answers.All(), answers.Parse)
}
