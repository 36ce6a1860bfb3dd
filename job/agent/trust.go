package agent

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// trust is the newest version of the trust document that the agent has: of those that it followed, and the one that it was
// set up with. The zero Trust: it has none, and goes by Config.Key alone.
func (m *machine) trust() (newest manifest.Trust) {
	for _, sealed := range [][]byte{m.c.Trust, m.s.Trust} {
		if len(sealed) == 0 {
			continue
		}
		if t, err := manifest.ReadTrust(sealed); err == nil && t.Version > newest.Version { // it was believed when it was taken
			newest = t
		}
	}
	return newest
}

// keys are what manifests are believed by (MAN-5).
func (m *machine) keys() manifest.Verifier {
	if t := m.trust(); t.Version > 0 {
		return manifest.Keys(t.Manifest)
	}
	return m.c.Key
}

// follow takes in the versions of the trust document that an answer brings. One that is not believed is reported, and those
// before it count. A document past its end is reported once, and believed on (MAN-13).
func (m *machine) follow(chain [][]byte) {
	t := m.trust()
	if t.Version == 0 {
		return
	}
	for _, sealed := range chain {
		next, newer, err := t.FollowAll([][]byte{sealed})
		if err != nil {
			m.refuseManifest(err)
			break
		}
		if newer != nil {
			t, m.s.Trust = next, newer
		}
	}
	if t.Expired(m.now.UTC) && m.s.TrustTold != t.Version {
		m.s.TrustTold = t.Version
		m.report(job.Report{Refused: fmt.Sprintf("trust document %d expired at %s; its keys are believed until a newer one comes: renew it on the server",
			t.Version, t.Expires.Format(time.RFC3339))})
	}
}
