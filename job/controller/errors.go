package controller

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
)

// NotFoundError says that something of a kind does not exist.
type NotFoundError struct {
	Kind string // "job", "run", "asset", "token"
	ID   string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("no %s %q is known", e.Kind, e.ID) }

// CancelRefused is the answer to a cancel when nothing can be cancelled
// (JOB-3).
type CancelRefused struct {
	What  string    // the job or the run
	Stage job.Stage // the furthest stage an asset is known to have reached; StageDone when all have ended; zero: no order was made
	Why   string    // why there is nothing to cancel; empty: Stage says why
}

func (e *CancelRefused) Error() string {
	why := e.Why
	switch {
	case why != "":
	case e.Stage == job.StageDone:
		why = "its orders have ended"
	default:
		why = fmt.Sprintf("stage %v has begun; it goes on and reports its result", e.Stage)
	}
	return fmt.Sprintf("%s cannot be cancelled: %s", e.What, why)
}

// FollowedError refuses to delete a job while enabled jobs run after it
// (JOB-19).
type FollowedError struct {
	Job       job.ID
	Followers []job.ID
}

func (e *FollowedError) Error() string {
	names := make([]string, len(e.Followers))
	for i, id := range e.Followers {
		names[i] = string(id)
	}
	return fmt.Sprintf("job %s cannot be deleted: enabled jobs run after it (%s); disable or change them first, or force the deletion (JOB-19)", e.Job, strings.Join(names, ", "))
}

// UnfinishedError says that a change is stored, but not yet applied to all
// orders. The next Tick continues.
type UnfinishedError struct{ Err error }

func (e *UnfinishedError) Error() string {
	return "the change is stored, but not yet applied to all orders; the server continues at its next tick: " + e.Err.Error()
}

func (e *UnfinishedError) Unwrap() error { return e.Err }

func unfinished(err error) error {
	if err == nil {
		return nil
	}
	return &UnfinishedError{err}
}
