// Package manifest holds the signed document that tells an asset every order it should hold.
package manifest
