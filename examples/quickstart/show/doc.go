// Package show prints what the quickstart does: how far each asset is, and in the end a table of what became of what.
package show
