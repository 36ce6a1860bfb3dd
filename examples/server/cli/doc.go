// Package cli is the command line of the example server: the commands that talk
// to a running server, and those that work on its files.
package cli
