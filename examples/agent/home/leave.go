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

// Renew makes this machine what it is after an enrolment with NextKey: it forgets what belongs to the identity before, its queue and
// downloads, takes the key into use and saves who it is now. A signer policy stays. The journal goes into the folder former.
// Cut off anywhere, it is called again after the same enrolment, with the same key.
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

// Leave forgets who this agent is, with its key. Its journal goes into the folder former.
func (h Home) Leave() error {
	if err := h.remove("agent.json", "agent.key", nextKey, "policy.json"); err != nil {
		return err
	}
	return h.Forget()
}

// Forget deletes what an identity left behind: its queue and its downloads.
func (h Home) Forget() error {
	return errors.Join(h.remove("state.db", "status.json"), os.RemoveAll(h.Stage()), h.putJournalsAside())
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
