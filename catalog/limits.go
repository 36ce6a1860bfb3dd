package catalog

import "time"

// Bounds on what a feed may contain and an asset may report. A record over one
// of them is rejected with the reason (CAT-16).
const (
	MaxID              = 256     // bytes of an identity: a Debian package, version and suite stay below 200
	MaxText            = 512     // bytes of a name, vendor, signer or title
	MaxURL             = 4096    // bytes of a URL: signed download links reach 2 KB
	MaxFileName        = 255     // bytes of an artifact's name: the limit of common file systems
	MaxLines           = 512     // version lines of one product: the longest published lists have about 100
	MaxArtifacts       = 64      // files of one patch
	MaxDigests         = 8       // digests of one artifact: five algorithms exist
	MaxCVEs            = 2048    // CVE ids of one patch: a year's kernel rollup has several hundred
	MaxCVE             = 64      // bytes of a CVE id
	MaxEdges           = 1024    // patches that one patch supersedes, and likewise requires
	MaxFeeds           = 256     // feeds of one snapshot
	MaxNames           = 64      // names that one feed claims: an apt suite has one
	MaxGrants          = 1024    // grants of one feed: a person sets each
	MaxProducts        = 1 << 20 // products of one snapshot: a large distribution has 70,000
	MaxPatches         = 1 << 20 // patches of one snapshot
	MaxCustomURLs      = 1 << 16 // custom URLs of one snapshot: a person or a customer's script sets each
	MaxRejected        = 1000    // rejected records of one feed that a sync returns with their reasons; it counts the others
	MaxInstalled       = 1 << 17 // installed products of one asset: large workstations have 10,000
	MaxAlso            = 64      // products of other channels of one installed product
	MaxAllAlso         = 1 << 19 // products of other channels of one inventory: 10,000 packages in 20 channels are 200,000
	MaxFixes           = 4096    // ranges of one advisory: one about all kernels of a distribution has several hundred
	MaxVulnerabilities = 1 << 20 // facts about vulnerabilities of all feeds of one snapshot: lists of all CVE ids have 300,000
	MaxAdvisories      = 1 << 19 // advisories of all feeds of one snapshot: a large distribution has 60,000
	MaxLineSets        = 1 << 17 // line sets of all feeds of one snapshot: public lists have 500 products
	MaxHistory         = 256     // former patches that one product keeps: four years of a browser that is released every week
	MaxFormer          = 1 << 19 // former patches of one snapshot: a stable distribution replaces 20,000 packages a year
	MaxNewer           = 32      // newer patches of one installed product that Missing explains (CAT-19)
)

const (
	maxUnfinished  = 2 * MaxID // bytes of what is unfinished: a few words and a version
	maxConflicts   = 10        // conflicts of a feed that its health names
	maxUnlisted    = 1 << 17   // names of an authority that it no longer lists: the one not listed for the longest is forgotten first (CAT-17)
	maxOwners      = MaxFeeds*(maxUnlisted+MaxNames) + 2*MaxProducts + MaxPatches
	maxDepth       = 16       // ids that are noted as above one id
	maxMerged      = 1 << 20  // lines of products that differ from both their own and a line set's
	maxErr         = 2048     // bytes of a feed's error: a wrapped network error with its URL
	maxProblems    = 20       // problems reported of one record: the others show once these are fixed
	maxElsewhere   = 64       // channels of one product that a verdict looks at
	maxNamed       = 12       // patches of a cycle that a message names
	maxEncodedLine = 16 << 20 // bytes of one line of a stored snapshot: far above what the limits on a record allow
	maxEncoded     = 4 << 30  // bytes of a stored snapshot, unpacked
)

// maxAhead is how far in the future a source's date may be: clocks and zones
// are a little off.
const maxAhead = 24 * time.Hour

// MaxSize is the largest size of an artifact in bytes: 1 TiB, far above any
// installer and safe in sums.
const MaxSize = 1 << 40

// StaleAfter is the time after its last good sync at which a feed becomes stale
// (CAT-2).
const StaleAfter = 24 * time.Hour

// KeepHistory is how long the catalog keeps the former patches of a product
// that itself left the catalog. So a feed that is removed and added again
// within a year continues where it was.
const KeepHistory = 366 * 24 * time.Hour

// SyncEvery is the default interval between syncs (CAT-1).
const SyncEvery = 30 * time.Minute
