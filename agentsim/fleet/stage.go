package fleet

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Stage is where an asset stands in the rollout.
type Stage uint8

// The stages, in the order in which an asset passes them.
const (
	StageNone      Stage = 1 + iota // no order reached it yet
	StageQueued                     // it holds its order and waits for the start
	StageDownload                   // the execution began
	StageDeploy                     // from the first act that changes the asset on (JOB-4)
	StageReboot                     // installed; waits for its reboot
	StageDone                       // at the versions that were ordered
	StageFailed                     // something did not get installed
	StageCancelled                  // nothing was installed
)

var stages = enum.Of[Stage]("rollout stage", "none", "queued", "download", "deploy", "reboot", "done", "failed", "cancelled")

// Stages lists the stages in order.
func Stages() []Stage { return stages.All() }

// String returns the stage's name.
func (s Stage) String() string { return stages.String(s) }

// MarshalText returns the stage's name.
func (s Stage) MarshalText() ([]byte, error) { return stages.MarshalText(s) }

// UnmarshalText sets the stage to the one called text.
func (s *Stage) UnmarshalText(text []byte) error { return stages.UnmarshalText(text, s) }
