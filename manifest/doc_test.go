package manifest_test

import (
	"crypto/ed25519"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// blocks returns the preformatted parts of the package comment.
func blocks(t *testing.T) (blocks []string) {
	source, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	within := false
	for line := range strings.Lines(string(source)) {
		text, ok := strings.CutPrefix(line, "//\t")
		switch {
		case ok && within:
			blocks[len(blocks)-1] += text
		case ok:
			blocks = append(blocks, text)
		}
		within = ok
	}
	return blocks
}

// The worked example of the package comment is, byte for byte, what Seal writes
// and Open reads.
func TestWorkedExample(t *testing.T) {
	all := blocks(t)
	require.Len(t, all, 4, "grammar, fields, payload, sealed")
	wantPayload, wantSealed := strings.ReplaceAll(all[2], "\n", ""), strings.ReplaceAll(all[3], "\n", "")

	zeroes := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	sealed, err := manifest.Seal(document(order("nightly", t0)), manifest.NewSigner(zeroes))
	require.NoError(t, err)
	require.Equal(t, wantSealed, string(sealed))
	require.Equal(t, wantPayload, string(payload(t, sealed)))

	d, err := manifest.Open([]byte(wantSealed), manifest.NewVerifier(zeroes.Public().(ed25519.PublicKey)), "web-1", 0, "", t0)
	require.NoError(t, err)
	require.Equal(t, document(order("nightly", t0)), d)
}

// The field lists of the package comment match the types.
func TestDocumentedFields(t *testing.T) {
	want := ""
	for _, c := range []struct {
		name string
		of   any
	}{
		{"document", manifest.Document{}}, {"order", job.Order{}}, {"patch", job.OrderPatch{}}, {"requires", job.Requirement{}}, {"file", job.File{}},
		{"expect", integrity.Expectation{}}, {"action", job.Action{}}, {"reboot", reboot.Policy{}},
		{"policy", integrity.Excerpt{}}, {"clause", integrity.Clause{}},
	} {
		want += c.name + strings.Repeat(" ", 10-len(c.name)) + "="
		for i := range reflect.TypeOf(c.of).NumField() {
			name, options, _ := strings.Cut(reflect.TypeOf(c.of).Field(i).Tag.Get("json"), ",")
			if name == "-" { // not written
				continue
			}
			if options != "" {
				name = "[" + name + "]"
			}
			want += " " + name
		}
		want += "\n"
	}
	joined := strings.ReplaceAll(blocks(t)[1], "\n"+strings.Repeat(" ", 12), " ") // long lines are continued
	require.Equal(t, want, joined)
}
