// Package show prints what the quickstart does: how far each asset is, and at
// the end a table of the results.
package show
