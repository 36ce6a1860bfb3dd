package integrity

// Bounds on what an order may expect and on what is kept of a verifier's words.
const (
	MaxDigests = 16  // of one Expectation; there are five algorithms
	MaxSigner  = 256 // bytes of a signer's name; a certificate's subject fits
	MaxDetail  = 512 // bytes kept of Signature.Detail, which may quote a hostile file
	maxQuoted  = 80  // bytes of refused input repeated in an error
)
