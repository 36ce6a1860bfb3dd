package home

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// nextKey is the key file of an enrolment that replaces the present one.
const nextKey = "agent.key.next"

// NextKey returns the key for enrolling an enrolled machine again, and creates
// it the first time.
func (h Home) NextKey() (ed25519.PrivateKey, error) { return h.makeKey(nextKey) }

// Renew completes an enrolment with [Home.NextKey]: it deletes the old
// identity's queue and downloads, uses the new key and saves the new identity.
// A signer policy stays. The journal moves to the folder former. If Renew is
// interrupted, call it again after the same enrolment with the same key.
func (h Home) Renew(id Identity) error {
	if err := h.Forget(); err != nil {
		return err
	}
	key, err := h.read(nextKey)
	if err == nil {
		err = h.write("agent.key", key)
	}
	if err == nil {
		err = h.Save(id)
	}
	if err != nil {
		return err
	}
	return h.remove(nextKey)
}

// Leave deletes the agent's identity, key, signer policy, queue and downloads.
// Its journal moves to the folder former.
func (h Home) Leave() error {
	if err := h.remove("agent.json", "agent.key", nextKey, "policy.json"); err != nil {
		return err
	}
	return h.Forget()
}

// Forget deletes an identity's queue and downloads, and moves its journal to
// the folder former.
func (h Home) Forget() error {
	return errors.Join(h.remove("state.db", "status.json"), os.RemoveAll(h.Stage()), h.putJournalsAside())
}

// putJournalsAside makes room for the journal of another identity, whose
// numbers begin at 1 again.
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
