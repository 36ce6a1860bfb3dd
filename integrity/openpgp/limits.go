package openpgp

// Bounds on the configuration and on the work for one file. What exceeds one is
// refused, never cut short silently.
const (
	MaxSigners     = 64       // ways in which the signers of one Verifier are known
	MaxKeyring     = 4 << 20  // bytes of one keyring: Debian's whole one, with all retired keys, has about 60 kB
	MaxKeys        = 256      // keys and subkeys of one keyring: a distribution has a dozen or two
	MaxSignatures  = 32       // that one file carries: Debian's main suite has three or four
	MaxDetached    = 1 << 20  // bytes of a signature file: one signature armored has 1 kB, a post-quantum one 70 kB
	MaxClearsigned = 4 << 20  // bytes of a clear-signed message: the largest InRelease in use have 300 kB
	MaxLine        = 19_995   // bytes of a line of a clear-signed text: GnuPG, which makes them, cannot read longer ones
	MaxRPMHeader   = 64 << 20 // bytes of an RPM package's header: the largest in use have some 10 MB
	MinRSA         = 2048     // bits; shorter keys no longer prove anything (apt has the same bound)
	MaxRSA         = 16384    // bits; nobody has longer keys, and each check takes milliseconds
)

const (
	maxPackets       = 16 << 10  // of one keyring: a much-signed key carries hundreds of other people's signatures
	maxCost          = 768       // cost of checking one keyring's signatures of its own keys, in RSA checks; a key needs about two
	maxUserID        = 2048      // bytes of a user id, which each of its signatures digests again; GnuPG has the same bound
	maxDigests       = 8         // of what one file's signatures cover: there are ten, but version 6 salts each
	maxTwins         = 8         // keys of all signers with the same key id, which does not happen by chance
	maxTags          = 1<<16 - 1 // entries of an RPM header; rpm itself has the same bound
	maxSignatureTags = 32        // entries of an RPM signature header, likewise
	maxValue         = 64 << 10  // bytes of one signature or digest in an RPM header
	maxMembers       = 32        // of a Debian package that are looked at: an ordinary one has three
	maxOdd           = 16        // lines of a signature's armor that are shown
	maxShown         = 256       // bytes of a text from a file that are shown
	bufferSize       = 128 << 10
)
