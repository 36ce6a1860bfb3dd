package reboot

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestNames(t *testing.T) {
	enumtest.Check(t, map[Phase]string{
		Idle: "idle", Prompting: "prompting", Deferred: "deferred", Counting: "counting", Asked: "asked", Parked: "parked", Rebooted: "rebooted", Waiting: "waiting", Queued: "queued",
	}, phases.All(), phases.Parse)
	enumtest.Check(t, map[Sessions]string{Unknown: "unknown", Nobody: "nobody", Active: "active", Locked: "locked"}, sessions.All(), sessions.Parse)
}
