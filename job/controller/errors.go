package controller

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
)

// NotFoundError says that there is no such thing.
type NotFoundError struct {
	Kind string // "job", "run", "asset", "token"
	ID   string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("no %s %q is known", e.Kind, e.ID) }

// CancelRefused is the answer to a cancel when nothing can be cancelled (JOB-3).
type CancelRefused struct {
	What  string    // the job or the run
	Stage job.Stage // the furthest stage an asset is known to have reached; StageDone when all have ended; zero: no order was made
	Why   string    // there is nothing to cancel; empty: the stage says it
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

// FollowedError refuses to delete a job that enabled jobs run after (JOB-19).
type FollowedError struct {
	Job       job.ID
	Followers []job.ID
}

func (e *FollowedError) Error() string {
	names := make([]string, len(e.Followers))
	for i, id := range e.Followers {
		names[i] = string(id)
	}
	return fmt.Sprintf("job %s cannot be deleted: enabled jobs run after it (%s); disable or change them first, or force it (JOB-19)", e.Job, strings.Join(names, ", "))
}

// UnfinishedError says that a change is stored, but that not all orders follow it yet. The next Tick carries on.
type UnfinishedError struct{ Err error }

func (e *UnfinishedError) Error() string {
	return "the change is stored; its orders follow at the next tick: " + e.Err.Error()
}

func (e *UnfinishedError) Unwrap() error { return e.Err }

func unfinished(err error) error {
	if err == nil {
		return nil
	}
	return &UnfinishedError{err}
}
