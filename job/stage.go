package job

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Stage is one of the three stages of an execution, or its end (JOB-1).
type Stage uint8

// The stages. StageDeploy begins with the commit before the first pre-action or
// install (JOB-4).
const (
	StageDownload Stage = 1 + iota // a cancel still wins (JOB-3)
	StageDeploy                    // actions and installs
	StageReboot                    // entered only if something deployed needs it (RBT-2)
	StageDone                      // the result is final
)

var stages = enum.Of[Stage]("stage", "download", "deploy", "reboot", "done")

// String returns the stage's name.
func (s Stage) String() string { return stages.String(s) }

// MarshalText returns the name.
func (s Stage) MarshalText() ([]byte, error) { return stages.MarshalText(s) }

// UnmarshalText sets the stage by its name. The error is an unknown name.
func (s *Stage) UnmarshalText(text []byte) error { return stages.UnmarshalText(text, s) }
