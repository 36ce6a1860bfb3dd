package home

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// nextKey is the key of an enrolment that replaces the present one.
const nextKey = "agent.key.next"

// NextKey returns the key with which a machine that is enrolled enrols again, making one the first time.
func (h Home) NextKey() (ed25519.PrivateKey, error) { return h.makeKey(nextKey) }

// Renew takes the next key into use, and forgets what belongs to the identity before: its queue and downloads, and the policy. Its
// journal goes into the folder former. Save comes after it.
func (h Home) Renew() error {
	return errors.Join(h.forget(), os.Rename(h.file(nextKey), h.file("agent.key")))
}

// Leave forgets who this agent is, with its key. Its journal goes into the folder former.
func (h Home) Leave() error {
	if err := h.remove("agent.json", "agent.key", nextKey); err != nil {
		return err
	}
	return h.forget()
}

func (h Home) forget() error {
	return errors.Join(h.remove("state.db", "status.json", "policy.json"), os.RemoveAll(h.Stage()), h.putJournalsAside())
}

// putJournalsAside makes room for another identity's journal, whose numbers begin at 1.
func (h Home) putJournalsAside() error {
	former := h.file("former")
	if err := os.Mkdir(former, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, name := range h.Journals() {
		if err := os.Rename(name, filepath.Join(former, filepath.Base(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (h Home) remove(names ...string) (err error) {
	for _, name := range names {
		if failed := os.Remove(h.file(name)); !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}
