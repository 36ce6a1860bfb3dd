package sigstoreverify

// Bounds on the configuration and on the work for one signature file.
const (
	MaxSigners    = 32       // of one Verifier
	MaxKeys       = 32       // of one Verifier; each may cost a few public-key operations a file
	MaxIdentities = 32       // of one Verifier; each may cost the verification of a chain and of its timestamps
	MaxAnchors    = 16       // certificates of one Identity's Anchors or Timestampers
	MaxPredicates = 16       // of one Signer
	MaxPEM        = 16 << 10 // bytes of one key or anchor; RSA with 4096 bits needs 0.8 KiB, a certificate a few
	MaxSignature  = 8 << 10  // bytes of a plain signature file; RSA with 4096 bits in base64 needs 0.7 KiB
	MaxRSA        = 4096     // bits; longer ones take milliseconds each time, and hardly anybody has them

	MaxDocument     = 512 << 10 // bytes of an envelope or bundle; a build's provenance has tens of kilobytes
	MaxSignatures   = 4         // of one envelope; each is tried with every key
	MaxSubjects     = 1024      // of one statement
	MaxCertificates = 8         // of one bundle; chains have two to four
	MaxReported     = 64        // names in a Report, of files and of a certificate's holder

	// MaxPureEd25519 is the largest content, in bytes, for a plain Ed25519
	// signature. It covers the whole message, which is held in memory up to
	// three times. Ed25519ph, ECDSA and RSA sign a digest and have no such
	// bound.
	MaxPureEd25519 = 32 << 20
)
