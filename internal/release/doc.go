// Package release says which release a program is.
package release
