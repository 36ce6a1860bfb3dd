// Package cli is the example server's command line: one file a noun, all over the administration's client.
package cli
