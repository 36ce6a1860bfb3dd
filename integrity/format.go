package integrity

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Format is the form a signature comes in.
type Format uint8

// The formats. The first three lie inside the file they sign and are judged by package authenticode, OpenPGP and RPM by
// package openpgp, the others by package sigstoreverify.
const (
	PE          Format = 1 + iota // Authenticode in a Windows program, library or driver
	MSI                           // Authenticode in a Windows Installer package
	CAB                           // Authenticode in a cabinet
	OpenPGP                       // a detached signature, or a clear-signed text
	RPM                           // OpenPGP in the header of a package
	Key                           // a detached signature by a plain key
	Certificate                   // a detached signature by a key with a certificate
	DSSE                          // an envelope whose payload names the file by its digest
)

var formats = enum.Of[Format]("signature format", "pe", "msi", "cab", "openpgp", "rpm", "key", "certificate", "dsse")

// String returns the format's name.
func (f Format) String() string { return formats.String(f) }

// MarshalText returns the format's name, the empty text for zero, or an error for an unknown format.
func (f Format) MarshalText() ([]byte, error) { return formats.MarshalText(f) }

// UnmarshalText sets the format called text; the empty text is zero.
func (f *Format) UnmarshalText(text []byte) error { return formats.UnmarshalText(text, f) }

// ParseFormat finds a format by its name.
func ParseFormat(s string) (Format, error) { return formats.Parse(s) }

// Formats lists the formats in order.
func Formats() []Format { return formats.All() }
