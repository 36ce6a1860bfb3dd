package authenticode

import (
	"bytes"
	"testing"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/integritytest"
)

func TestConformance(t *testing.T) {
	for format, place := range places(5000) {
		t.Run(string(format), func(t *testing.T) {
			good := sealed(t, format, vendorForgery(), place).bytes()
			c := &maker{t: t, format: format, good: good}
			first, last := c.contentAt()
			stranger := vendorForgery()
			stranger.who = everybody().people["stranger"]
			unsigned := program(nil)
			if format != integrity.PE {
				unsigned = seed(t, "unsigned."+string(format))
			}
			integritytest.Run(t, integritytest.Fixture{
				Verifier: newVerifier(t, everybody().signer()),
				Signer:   "Vendor",
				Signed:   integritytest.File{Content: good},
				Unsigned: integritytest.File{Content: unsigned},
				Stranger: integritytest.File{Content: sealed(t, format, stranger, place).bytes()},
				Bad: map[string]integritytest.File{
					"the first byte changed": {Content: c.flip(first)},
					"the last byte changed":  {Content: c.flip(last)},
					"something added":        {Content: append(bytes.Clone(good), "more"...)},
				},
			})
		})
	}
}
