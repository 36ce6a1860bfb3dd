package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A feed from elsewhere names no file of whoever downloads it, in no field and
// no spelling; one of this computer may. The administrator's own custom URL is
// neither's.
func TestLocalFilesOfRemoteFeeds_INT11(t *testing.T) {
	for name, change := range map[string]func(*Patch){
		"URL":        func(p *Patch) { p.Artifacts[0].URL = "file:///etc/shadow" },
		"upper case": func(p *Patch) { p.Artifacts[0].URL = "FILE:///proc/kmsg" },
		"signature":  func(p *Patch) { p.Artifacts[0].SignatureURL = "file:///proc/kmsg" },
		"custom":     func(p *Patch) { p.Artifacts[0].Availability, p.Artifacts[0].CustomURL = Vendor, "file:///etc/shadow" },
		"second of two": func(p *Patch) {
			p.Artifacts = append(p.Artifacts, Artifact{Name: "b", Availability: Pinned, URL: "file:///x"})
		},
	} {
		b := batch(edit("1.0.0"), edit("2.0.0", change))
		s, changes := Sync(nil, []Batch{b}, noon)
		require.Equal(t, []PatchID{"editor-1.0.0"}, ofProduct(s, "editor"), name)
		require.Len(t, changes.Rejected, 1, name)
		require.Equal(t, "patch editor-2.0.0", changes.Rejected[0].Record)
		require.Contains(t, strings.Join(changes.Rejected[0].Reasons, "; "), "its URL is a local file")
		require.EqualValues(t, 1, s.Feeds()[0].Rejected, "it is counted")

		b.Local = true
		s, changes = Sync(nil, []Batch{b}, noon)
		require.Empty(t, changes.Rejected, name)
		require.Len(t, ofProduct(s, "editor"), 2, name)
	}
}
