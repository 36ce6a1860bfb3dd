// Package relic compares package authenticode with
// github.com/sassoftware/relic, another implementation of the same formats. It
// is a module of its own, so that nobody who imports Patchpolicy sees what
// relic needs:
//
//	go -C internal/oracle/relic test ./...
//
// Relic takes seconds or all memory on some hostile files, and panics on
// others. So it runs in a process of its own that has bounds, and where that
// ends it has no answer.
package relic
