// Package repository is what the feeds of package repositories share beyond
// package fetch: files are checked against what a signed file promises, and
// unpacked within bounds.
package repository
