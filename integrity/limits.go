package integrity

// Bounds on what an order may expect and on what is kept of a verifier's
// answer.
const (
	MaxDigests = 16  // of one Expectation; there are five algorithms
	MaxSigner  = 256 // bytes of a signer's name; a certificate's subject fits
	MaxDetail  = 512 // bytes kept of Signature.Detail, which may quote a hostile file
	MaxFormat  = 32  // bytes of a format's name; ours have 11 at most
	maxQuoted  = 80  // bytes of text from outside that a sentence quotes
	maxUnknown = 256 // bytes kept of a digest of a later release's algorithm; SHA-512 has 135
)

// Bounds on a policy.
const (
	MaxPolicy        = 4 << 20   // bytes of its JSON: hundreds of vendors with their keyrings
	MaxPolicySigners = 256       // of one policy
	MaxClauses       = 4096      // of one policy, and of one order's excerpt: more than an order has patches
	MaxTrust         = 512 << 10 // bytes of one keyring, key or certificate; a distribution's whole keyring has 100 KiB
	MaxWays          = 64        // ways in which one signer is known, per kind, and entries of each list in one
	maxCommands      = 1024      // of one policy
	maxWords         = 256       // of one command; an action has as many
	maxWord          = 4096      // bytes of one word of it; an action's has as many
	MaxTarget        = 512       // bytes of the vendor or the product in a clause; the catalog takes as many
)
