// Package unjudged finds signatures of kinds that no verifier here judges, so
// that a signed file never counts as unsigned. It is an adapter of
// [integrity.SignatureVerifier] and needs only the standard library.
//
// It answers Unsupported and says what it found, or Absent; never Valid or Bad
// (INT-9). Absent is right where no key signed: an ad-hoc signature of macOS,
// an empty place for a signature, a list of certificates.
//
//	format      what it is                                  how it is recognized
//	msix        MSIX, APPX and their bundles                AppxSignature.p7x in the archive
//	jar         JAR, signed add-ons and Android's version 1 a .SF file and its .RSA, .DSA, .EC or SIG- file in META-INF
//	apk         Android package                             an APK signing block before the archive's list of files
//	ota         Android update                              a signature in the archive's comment
//	nuget       NuGet package                               .signature.p7s in the archive
//	opc         VSIX, Office and XPS documents              digital-signature or _xmlsignatures in the archive
//	xap         application of Silverlight                  its trailer (XapS)
//	wheel       Python wheel                                RECORD.jws or RECORD.p7s in .dist-info
//	xml         ODF, EPUB, AIR; ClickOnce and other XML     META-INF/…signatures.xml; a SignatureValue element
//	codesign    zipped application of macOS or iOS          _CodeSignature/CodeResources in the archive
//	macho       program of macOS                            LC_CODE_SIGNATURE whose blob has a CMS signature
//	dmg         disk image of macOS                         a code signature in its trailer (koly)
//	xar         package of macOS (pkg), xip                 signature or x-signature in its table of contents
//	catalog     security catalog of Windows (.cat)          CMS SignedData over a CTL
//	cms         any other CMS SignedData, also in PEM       its content info, with a signer's digest algorithm
//	script      PowerShell, MOF, VBScript, JScript, WSF     a signature block: "# SIG # Begin signature block", and so on
//	module      Linux kernel module                         "~Module signature appended~" at its end
//	appimage    AppImage                                    a section .sha256_sig that is not empty
//	alpine      package of Alpine                           .SIGN.… is the first file in it
//	signify     signify's embedded signatures               "untrusted comment: " at the start, or in a gzip header
//	crx         extension of Chromium                       its header
//	mar         update of Mozilla                           its header counts signatures
//
// Package authenticode judges Windows programs, packages and cabinets. Package
// openpgp judges RPM and Debian packages and OpenPGP. Signatures of files
// within a file, compressed modules (.ko.xz), and signatures kept elsewhere
// (extended attributes, the system's catalogs) are not seen. Signature files
// are ignored.
//
// # What it costs
//
// It reads both ends of a file, the list of files of an archive, and the table
// of contents of a xar. Nothing else is inflated. The bounds on reads and
// memory are in limits.go; a file that exceeds one is Unsupported.
package unjudged
