package cms

// Bounds on the reader's work for one file. What exceeds one is Unsupported.
const (
	MaxTimestamps   = 4        // of one signature; one is usual
	MaxToken        = 64 << 10 // bytes of one timestamp; those with a chain have up to 8 KiB
	MaxCertificates = 64       // of one file, those of its timestamps among them; about ten are usual
	MaxOfToken      = 8        // certificates of one timestamp; two to four are usual
	MaxCertificate  = 16 << 10 // bytes of one certificate, and of a pinned one in PEM; 2 KiB are usual
	MaxAttributes   = 64       // of one signer's signed and as many of its other attributes; six are usual
	MaxChain        = 8        // certificates from signer to anchor; three or four are usual
	MaxChecks       = 96       // public-key operations for one file; each takes at most about 4 ms, and twenty are usual
	MaxWork         = 64 << 20 // bytes of one file's messages that are read, copied and digested, each time counted; 100 KiB are usual
	MaxLevels       = 64       // nested elements; a timestamp of a nested signature has 40
	MaxBERDepth     = 48       // the same for what is in BER, each level of which is copied
	MinRSA          = 2048     // bits; shorter keys are no longer trusted

	maxVisits     = 1000 // of certificates in the search for chains; hostile ones may all have signed each other; eight are usual
	maxAlgorithms = 5    // in a message's list; one is usual, and five are known
)
