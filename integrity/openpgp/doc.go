// Package openpgp judges OpenPGP signatures: detached ones, clear-signed texts, and those inside RPM packages.
package openpgp
