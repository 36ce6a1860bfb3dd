package manifest

// envelope is DSSE v1 with exactly one signature. With an array, too many or
// too few signatures show when it is encoded again, and a million of them take
// no memory.
type envelope struct {
	PayloadType string       `json:"payloadType"`
	Payload     []byte       `json:"payload"`
	Signatures  [1]signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}
