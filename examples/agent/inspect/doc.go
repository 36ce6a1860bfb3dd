// Package inspect tells of any file who signed it and whether a signer policy trusts it, for people and for programs.
package inspect
