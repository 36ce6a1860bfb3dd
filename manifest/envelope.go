package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// envelope is DSSE v1 with exactly one signature. An array, not a slice: what is too many or too few shows when it is
// written again, and a million of them take no memory.
type envelope struct {
	PayloadType string       `json:"payloadType"`
	Payload     []byte       `json:"payload"`
	Signatures  [1]signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// What stands around the four texts of an envelope.
const (
	beforeType    = `{"payloadType":"`
	beforePayload = `","payload":"`
	beforeKeyID   = `","signatures":[{"keyid":"`
	beforeSig     = `","sig":"`
	behindSig     = `"}]}`
)

// encode writes the envelope as encoding/json does, and a good deal quicker.
func (e envelope) encode() ([]byte, error) {
	s := e.Signatures[0]
	if !plain([]byte(e.PayloadType)) || !plain([]byte(s.KeyID)) || e.Payload == nil || s.Sig == nil {
		return json.Marshal(e)
	}
	b := make([]byte, 0, base64.StdEncoding.EncodedLen(len(e.Payload))+len(e.PayloadType)+len(s.KeyID)+2*len(s.Sig)+128)
	b = append(append(b, beforeType...), e.PayloadType...)
	b = base64.StdEncoding.AppendEncode(append(b, beforePayload...), e.Payload)
	b = append(append(b, beforeKeyID...), s.KeyID...)
	b = base64.StdEncoding.AppendEncode(append(b, beforeSig...), s.Sig)
	return append(b, behindSig...), nil
}

// parseEnvelope reads what encode writes quickly. It is not ok for everything else, also for what is canonical and merely
// unusual: then encoding/json has the word.
func parseEnvelope(data []byte) (e envelope, ok bool) {
	rest, ok1 := bytes.CutPrefix(data, []byte(beforeType))
	kind, rest, ok2 := bytes.Cut(rest, []byte(beforePayload))
	payload, rest, ok3 := bytes.Cut(rest, []byte(beforeKeyID))
	key, rest, ok4 := bytes.Cut(rest, []byte(beforeSig))
	sig, ok5 := bytes.CutSuffix(rest, []byte(behindSig))
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !plain(kind) || !plain(key) {
		return envelope{}, false
	}
	e.PayloadType, e.Signatures[0].KeyID = string(kind), string(key)
	if e.Payload, ok = unbase64(payload); !ok {
		return envelope{}, false
	}
	e.Signatures[0].Sig, ok = unbase64(sig)
	return e, ok
}

// unbase64 takes the one way to write some bytes: padded, without line ends, the bits that are left over being zero.
func unbase64(text []byte) ([]byte, bool) {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(b, text)
	return b[:n], err == nil && base64.StdEncoding.EncodedLen(n) == len(text)
}

// plain says whether encoding/json writes the text as it is.
func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
