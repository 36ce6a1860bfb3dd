package integrity

import "strings"

// Format names the form of a signature: 1 to MaxFormat bytes of lower-case
// letters, digits, "." and "-".
//
// The set is open. A verifier of your own names its format in its answers, and
// a policy names its keys by [OtherTrust]. A policy may name a format that no
// verifier on an asset judges: a signature in it is Unsupported there, and a
// signature in another format is FormatNotAllowed.
type Format string

// The formats that are judged here: the first three by package authenticode,
// inside the file; OpenPGP and RPM by package openpgp; the others by package
// sigstoreverify.
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

func (f Format) valid() bool {
	return f != "" && len(f) <= MaxFormat && strings.Trim(string(f), "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}
