package ledger

// Bounds of what is kept from an asset's reports.
const (
	// MaxText is how many bytes of a free text are kept: a sentence or two,
	// not a log.
	MaxText = 1024
	// MaxName is how many bytes of a name that only people read are kept.
	MaxName = 128
	// maxReboots is how many reboots of one execution are counted. More are
	// a fault in the report.
	maxReboots = 1000
	// maxOutcomes is how many bytes the free texts of one list of outcomes
	// have together. The lists of an order are stored as one value of at
	// most 4 MiB, in which JSON may write a byte as six.
	maxOutcomes = 256 << 10
)
