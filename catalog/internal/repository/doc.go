// Package repository is what the feeds of package repositories share: files are
// fetched with validators and bounds, checked against what a signed file
// promises, and unpacked within bounds; whatever is wrong is an [Error] with a
// cause.
package repository
