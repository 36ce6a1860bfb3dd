package unjudged

// Bounds on what is read of a file. What exceeds one is Unsupported.
const (
	maxHead     = 64 << 10  // bytes at a file's start that are looked at
	maxTail     = 256 << 10 // bytes at its end; a script's signature block has up to 60 KiB
	maxList     = 32 << 20  // bytes of an archive's list of files; 200,000 files take 20 MiB
	maxTable    = 4 << 20   // bytes of a xar's table of contents, inflated; a package has some KiB
	maxArchs    = 16        // programs in a fat one; two are usual
	maxNames    = 64 << 10  // bytes of a section of an AppImage; its signature has up to 8 KiB
	maxCommands = 1 << 20   // bytes of load commands of a Mach-O program; a few KiB are usual
	maxSlots    = 64        // of a Mach-O signature; eight are usual
)
