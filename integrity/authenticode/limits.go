package authenticode

// Bounds on what is configured.
const (
	MaxSigners = 64 // ways in which the signers of one Verifier are known; an agent's policies name a few dozen vendors
	MaxAnchors = 32 // of one way to know a signer, and as many for its timestamps; vendors change their authority every few years
)

// Bounds on the work for one file. What exceeds one is Unsupported. Package cms bounds what is
// inside signatures, certificates and timestamps.
const (
	// MaxSignature is the size in bytes of a file's signatures. A signature has
	// 5 to 40 KiB. One with page hashes has 36 bytes per 4 KiB of the file,
	// which is enough for files of up to 900 MiB.
	MaxSignature  = 8 << 20
	MaxSignatures = 8    // of one file, nested ones among them; two are usual
	maxRSA        = 8192 // bits; longer ones are slow to verify and nobody has them
)

// Bounds on Windows Installer packages and other compound files.
const (
	MaxEntries = 1 << 16 // of the directory; packages with every icon and table in a stream of its own have some hundred
	MaxDepth   = 16      // nested storages; transforms and patches have two
)
