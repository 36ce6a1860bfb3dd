// Package aptfeed makes a catalog feed of real Debian and Ubuntu repositories, as an apt configuration names them.
package aptfeed
