// Package debroot makes Debian root folders and packages for tests: a tiny root of a shell and an empty package database in
// milliseconds, a real one with debootstrap from the machine's own repositories, and packages of any content.
//
// It needs Linux, root, and Debian's dpkg; for the real root debootstrap and a reachable repository too. Missing and MissingReal say what
// is not there, so that a test can say so aloud, and fail where CI=true.
package debroot
