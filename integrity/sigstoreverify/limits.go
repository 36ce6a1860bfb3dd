package sigstoreverify

// Bounds on what is configured and on what a signature file may make the verifier do.
const (
	MaxKeys      = 32       // each may cost a few public-key operations a file
	MaxPEM       = 16 << 10 // bytes of one key's PEM; RSA with 8192 bits needs 1.5 KiB
	MaxSignature = 8 << 10  // bytes of a signature file; RSA with 8192 bits in base64 needs 1.4 KiB
	MinRSA       = 2048     // bits; shorter keys are no longer trusted
	MaxRSA       = 8192     // bits; longer ones are slow to verify and nobody has them
	// MaxPureEd25519 is the largest content, in bytes, that is judged by a plain Ed25519 signature: such a signature
	// is over the whole message, so it is held in memory, at most three times over for a moment.
	// Ed25519ph, ECDSA and RSA sign a digest and have no such bound.
	MaxPureEd25519 = 32 << 20
)
