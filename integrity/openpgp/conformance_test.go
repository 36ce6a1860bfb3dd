package openpgp

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity/integritytest"
)

func TestConformanceDetached(t *testing.T) {
	key, stranger := makeKey(t, "vendor", nil), makeKey(t, "stranger", nil)
	patch := bytes.Repeat([]byte("a patch of some size\n"), 1000)
	for name, form := range map[string]func([]byte) []byte{
		"binary":  func(sig []byte) []byte { return sig },
		"armored": func(sig []byte) []byte { return armored(t, armorSignature, sig) },
	} {
		t.Run(name, func(t *testing.T) {
			integritytest.Run(t, integritytest.Fixture{
				Verifier: trusting(t, key),
				Signer:   "Vendor",
				Signed:   integritytest.File{Content: patch, Detached: form(sign(t, patch, key, nil))},
				Unsigned: integritytest.File{Content: patch},
				Stranger: integritytest.File{Content: patch, Detached: form(sign(t, patch, stranger, nil))},
			})
		})
	}
}

func TestConformanceClearsigned(t *testing.T) {
	key, stranger := makeKey(t, "vendor", nil), makeKey(t, "stranger", nil)
	message := clearSign(t, "Suite: bookworm\n- dashed\nFrom here", key)
	cut, _, _ := bytes.Cut(message, []byte(beginSignature))
	integritytest.Run(t, integritytest.Fixture{
		Verifier: trusting(t, key),
		Signer:   "Vendor",
		Signed:   integritytest.File{Content: message},
		Unsigned: integritytest.File{Content: []byte("Suite: bookworm\n")},
		Stranger: integritytest.File{Content: clearSign(t, "Suite: bookworm", stranger)},
		Bad: map[string]integritytest.File{
			"text before":       {Content: append([]byte("Suite: evil\n"), message...)},
			"text after":        {Content: append(bytes.Clone(message), "Suite: evil\n"...)},
			"signature cut off": {Content: cut},
		},
	})
}

func TestConformanceRPM(t *testing.T) {
	key, stranger := makeKey(t, "vendor", nil), makeKey(t, "stranger", nil)
	payload := bytes.Repeat([]byte("payload "), 1000)
	head := hareHeader(payload)
	good := goodRPM(t, payload, key)
	integritytest.Run(t, integritytest.Fixture{
		Verifier: trusting(t, key),
		Signer:   "Vendor",
		Signed:   integritytest.File{Content: good},
		Unsigned: integritytest.File{Content: rpmPackage(head, payload, number(tagSize, uint32(len(head)+len(payload))))},
		Stranger: integritytest.File{Content: goodRPM(t, payload, stranger)},
		Bad: map[string]integritytest.File{
			"payload altered":   {Content: append(bytes.Clone(good[:len(good)-1]), 'x')},
			"payload extended":  {Content: append(bytes.Clone(good), 'x')},
			"payload cut short": {Content: good[:len(good)-1]},
		},
	})
}

// The outcomes' texts are part of what agent verify --json prints.
func TestOutcomes(t *testing.T) {
	for outcome, want := range map[Outcome]string{
		Good: "good", Broken: "broken", UnknownKey: "unknown key", WeakDigest: "weak digest", WeakKey: "weak key", Expired: "expired",
		Revoked: "revoked", WrongUse: "wrong use", NotCovering: "not covering", Unjudged: "unjudged", Excess: "excess",
	} {
		require.Equal(t, want, string(outcome))
	}
}
