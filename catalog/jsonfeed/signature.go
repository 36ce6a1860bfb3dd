package jsonfeed

import (
	"bytes"
	"context"
	"fmt"
	"net/url"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// MaxSignature is the size of a signature file, in bytes: no verifier of this
// module takes a larger one.
const MaxSignature = 1 << 20

// Signed says who must have signed the document. The zero value asks for no
// signature.
type Signed struct {
	By       []string                    // names of signers as Verifier knows them, any of whom may have signed
	Verifier integrity.SignatureVerifier // of detached signatures
	Location string                      // of the signature, like the document's; empty: the document's, with ".sig" after its path
}

// SignatureError says why a document is not used: it is not signed as [Signed]
// asks for. The signature is absent (INT-4), does not hold or is by somebody
// else (INT-1), or cannot be judged (INT-9). The *fault.Error around it names
// the signature's location.
type SignatureError struct{ Verdict integrity.Verdict }

func (e *SignatureError) Error() string {
	return fmt.Sprintf("%s (%s)", e.Verdict.Text, e.Verdict.Rule)
}

// verify returns the function that verifies a feed's document; nil: none is to
// be verified.
func (s Signed) verify(id catalog.FeedID, document string, o fetch.Options) (func(ctx context.Context, data []byte) error, error) {
	if len(s.By) == 0 && s.Verifier == nil && s.Location == "" {
		return nil, nil
	}
	if len(s.By) == 0 || s.Verifier == nil {
		return nil, fmt.Errorf("feed %s: its signature needs both: who must have signed, and a verifier", id)
	}
	location := s.Location
	if location == "" {
		location = besides(document)
	}
	var signature []byte // of the last good fetch
	feed, err := fetch.New(id, location, fetch.Form{Name: "signature", Accept: "*/*", Limit: MaxSignature, Parse: func(_ context.Context, _ catalog.FeedID, data []byte) (catalog.Batch, error) {
		signature = append([]byte{}, data...) // an empty file is not nil: it is not absent
		return catalog.Batch{}, nil
	}}, o)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	clause := integrity.Clause{Name: "feed", Vendor: integrity.Any, Product: integrity.Any, Signers: s.By}
	terms := integrity.Terms{Own: integrity.Excerpt{Clauses: []integrity.Clause{clause}}}
	return func(ctx context.Context, data []byte) error {
		detached := []byte(nil)
		switch _, err := feed.Fetch(ctx); {
		case err == nil:
			detached = signature
		case !fault.Is(err, fault.Missing):
			return fmt.Errorf("signature: %w", err)
		}
		verdict := terms.Judge(s.Verifier.Verify(bytes.NewReader(data), int64(len(data)), detached), nil)
		if verdict.Passed {
			return nil
		}
		cause := fault.BadSignature
		if verdict.Signature.Status == integrity.Absent {
			cause = fault.Unsigned
		}
		return fault.New(cause, fetch.Redacted(location), &SignatureError{verdict}, "the document is not signed as it must be")
	}, nil
}

// besides returns the location of a document's signature.
func besides(document string) string {
	u, err := url.Parse(document)
	if err != nil || u.Host == "" {
		return document + ".sig"
	}
	u.Path += ".sig"
	if u.RawPath != "" {
		u.RawPath += ".sig"
	}
	return u.String()
}
