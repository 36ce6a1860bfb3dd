// Package unjudged finds signatures of kinds that nothing here judges, so that a signed file never passes for one without
// a signature: an adapter of [integrity.SignatureVerifier] that needs nothing but the standard library.
//
// It answers Unsupported and says what it found, or Absent; never Valid and never Bad (INT-9). A file signed by nobody
// says so by Absent: no key stands behind an ad-hoc signature of macOS, an empty place for one, or a list of certificates.
//
//	format      what it is                                  how it is told
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
// Windows programs, packages and cabinets are package authenticode's, RPM and Debian packages and OpenPGP are package
// openpgp's. Signatures of files within a file, compressed modules (.ko.xz), and what is kept elsewhere (extended
// attributes, the system's catalogs) are not seen. A signature file is no matter of this package.
//
// # What it costs
//
// Some reads at both ends; of an archive also its list of files, of a xar its table of contents. Nothing else is inflated.
// Memory is bounded by limits.go, as is what is read; a file that would take more is Unsupported.
package unjudged
