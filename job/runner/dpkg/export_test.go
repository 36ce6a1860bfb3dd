package dpkg

// What tests from outside look at.
var (
	CheckRoot   = checkRoot
	AptReads    = aptReads
	FindProgram = findProgram
)
