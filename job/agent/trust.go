package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// trust returns the newest version of the trust document that the agent has.
// Zero: it has none, and uses Config.Key.
func (m *machine) trust() manifest.Trust {
	if m.s.Trust.Document.Version > m.c.Trust.Version {
		return m.s.Trust.Document
	}
	return m.c.Trust
}

// disowned reports whether the manifest held was signed by a key that is no
// longer trusted. An attacker with that key may have written it. So none of its
// orders starts, its revision does not count, and the agent asks for a manifest
// signed by a newer key (MAN-13).
func (m *machine) disowned() bool {
	if t := m.trust(); m.s.HeldBy != "" && t.Version > 0 {
		return !slices.ContainsFunc(t.Manifest, func(k manifest.PublicKey) bool { return k.ID() == m.s.HeldBy })
	}
	return false
}

// follow takes in the versions of the trust document that an answer brings. It
// reports one that it refuses; those before it count. An expired document is
// reported once, and stays trusted (MAN-13).
func (m *machine) follow(chain [][]byte) {
	t := m.trust()
	if t.Version == 0 {
		return
	}
	t, sealed, err := t.FollowAll(chain)
	if sealed != nil {
		m.s.Trust.Document, m.s.Trust.Sealed = t, sealed
	}
	refusal := ""
	if err != nil {
		refusal = err.Error()
	}
	if refusal != "" && refusal != m.s.Trust.Refusal {
		m.report(job.Report{Refused: refusal})
	}
	m.s.Trust.Refusal = refusal
	if t.Expired(m.now.UTC) && m.s.Trust.Announced != t.Version {
		m.s.Trust.Announced = t.Version
		m.report(job.Report{Refused: fmt.Sprintf("trust document %d expired at %s; its keys stay trusted until a newer one comes; renew it on the server",
			t.Version, t.Expires.Format(time.RFC3339))})
	}
}
