// Package scenario is the quickstart's story: nine assets, what the vendor has for them, and what the rules say must come of it.
//
// The expectations stand beside each asset in Cases and Cancels. Run plays the story with a real server and real agents, and
// compares what the server was told, and what stands on the assets' disks, with them.
package scenario
