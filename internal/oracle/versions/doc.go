// Package versions compares package version with other implementations of the same schemes, in
// order and in speed. It is a module of its own, so that nobody who imports Patchpolicy sees what
// they need:
//
//	go -C internal/oracle/versions test ./...
//	go -C internal/oracle/versions test -run '^$' -bench . ./...
//
// The truth is what dpkg and rpm themselves say. A peer that says something else of some pair is
// listed with that pair, and does not count in the benchmarks.
package versions
