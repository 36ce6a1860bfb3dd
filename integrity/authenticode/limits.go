package authenticode

// Bounds on what is configured.
const (
	MaxSigners = 64 // ways in which the signers of one Verifier are known; an agent's policies name a few dozen vendors
	MaxAnchors = 32 // of one way to know a signer, and as many for its timestamps; vendors change their authority every few years
)

// Bounds on what a file may make the verifier do. What is over one is Unsupported. Those on
// what signatures, certificates and timestamps have in them are package cms's.
const (
	// MaxSignature is the most bytes that are read of the signatures of a file. A signature has 5 to 40 KiB; one with page
	// hashes has 36 bytes for each 4 KiB of the file, so files of up to 900 MiB may have them.
	MaxSignature  = 8 << 20
	MaxSignatures = 8    // of one file, nested ones among them; two are usual
	maxRSA        = 8192 // bits; longer ones are slow to verify and nobody has them
)

// Bounds on Windows Installer packages and other compound files.
const (
	MaxEntries = 1 << 16 // of the directory; packages with every icon and table in a stream of its own have some hundred
	MaxDepth   = 16      // of storages in storages; transforms and patches have two
)
