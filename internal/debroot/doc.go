// Package debroot makes Debian root folders and packages for tests: a tiny root
// with a shell and an empty package database in milliseconds, a real one with
// debootstrap from the machine's own repositories, and packages with any
// content.
//
// It needs Linux, root and Debian's dpkg; the real root also needs debootstrap
// and a repository that can be reached. [Missing] and [MissingReal] say what is
// missing, so that a test can skip with a reason, or fail if CI=true.
package debroot
