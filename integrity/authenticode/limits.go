package authenticode

// Bounds on what is configured.
const (
	MaxSigners = 64       // ways in which the signers of one Verifier are known; an agent's policies name a few dozen vendors
	MaxAnchors = 32       // of one way to know a signer, and as many for its timestamps; vendors change their authority every few years
	MaxPinned  = 16 << 10 // bytes of one anchor's certificate in PEM; the largest roots have 2 KiB
)

// Bounds on what a file may make the verifier do. What is over one is Unsupported.
const (
	// MaxSignature is the most bytes that are read of the signatures of a file. A signature has 5 to 40 KiB; one with page
	// hashes has 36 bytes for each 4 KiB of the file, so files of up to 900 MiB may have them.
	MaxSignature    = 8 << 20
	MaxSignatures   = 8        // of one file, nested ones among them; two are usual
	MaxTimestamps   = 4        // of one signature; one is usual
	MaxCertificates = 64       // of one file, those of its timestamps among them; about ten are usual
	MaxAttributes   = 64       // of one signer's authenticated and as many of its other attributes; six are usual
	MaxCertificate  = 64 << 10 // bytes of one certificate; 2 KiB are usual
	MaxChain        = 8        // certificates from signer to anchor; three or four are usual
	MaxChecks       = 96       // public-key operations for one file; each takes at most about 4 ms, and twenty are usual
	MinRSA          = 2048     // bits; shorter keys are no longer trusted
	MaxRSA          = 8192     // bits; longer ones are slow to verify and nobody has them
	MaxLevels       = 64       // of elements in elements; a timestamp of a nested signature has 40
	MaxBERDepth     = 48       // the same for what is in BER, each level of which is copied
)

// Bounds on Windows Installer packages and other compound files.
const (
	MaxEntries = 1 << 16 // of the directory; packages with every icon and table in a stream of its own have some hundred
	MaxDepth   = 16      // of storages in storages; transforms and patches have two
)
