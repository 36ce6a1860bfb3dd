package integrity

import "strings"

// Format names the form a signature comes in: 1 to MaxFormat bytes of lower-case letters, digits, "." and "-".
//
// The set is open. A verifier of an importer's own names its format in its answers, and a policy says by [OtherTrust] who
// is known in it. A policy may name a format that no verifier on an asset judges: a signature in it is then Unsupported
// there, and one in another format is refused by name (FormatNotAllowed).
type Format string

// The formats that are judged here: the first three lie inside the file they sign and are judged by package authenticode,
// OpenPGP and RPM by package openpgp, the others by package sigstoreverify.
const (
	PE          Format = "pe"          // Authenticode in a Windows program, library or driver
	MSI         Format = "msi"         // Authenticode in a Windows Installer package
	CAB         Format = "cab"         // Authenticode in a cabinet
	OpenPGP     Format = "openpgp"     // a detached signature, or a clear-signed text
	RPM         Format = "rpm"         // OpenPGP in the header of a package
	Key         Format = "key"         // a detached signature by a plain key
	Certificate Format = "certificate" // a detached signature by a key with a certificate
	DSSE        Format = "dsse"        // an envelope whose payload names the file by its digest
)

// valid reports whether the format is well formed, known or not.
func (f Format) valid() bool {
	return f != "" && len(f) <= MaxFormat && strings.Trim(string(f), "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}
