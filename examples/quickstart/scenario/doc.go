// Package scenario is the quickstart's story: nine assets, what the vendor
// offers them, and the results that the rules demand.
//
// Cases and Cancels hold the expectations, next to each asset. Play plays the
// story with the real server and real agents. It compares what the server
// reports, and what is on the assets' disks, with the expectations.
package scenario
