package fleet

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Stage is where an asset is in the rollout.
type Stage uint8

// The stages, in order.
const (
	StageNone      Stage = 1 + iota // no order has reached it
	StageQueued                     // it holds its order and waits for the start
	StageDownload                   // the execution began
	StageDeploy                     // from the first act that changes the asset (JOB-4)
	StageReboot                     // installed; waits for its reboot
	StageDone                       // at the ordered versions
	StageFailed                     // something was not installed
	StageCancelled                  // nothing was installed
)

var stages = enum.Of[Stage]("rollout stage", "none", "queued", "download", "deploy", "reboot", "done", "failed", "cancelled")

// Stages lists the stages in order.
func Stages() []Stage { return stages.All() }

// String returns the stage's name.
func (s Stage) String() string { return stages.String(s) }
