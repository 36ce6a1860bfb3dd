// Package vendor is a software vendor in one process: over HTTP on the loopback it serves patch files and their detached signatures,
// made with a key of its own, and its list of products and patches in the format of catalog/jsonfeed.
//
// It can also do what real vendors and the world between do: serve one URL for every version and move on to a newer one
// (LatestOnly), and have a file changed after it was listed.
package vendor
