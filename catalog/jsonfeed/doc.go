// Package jsonfeed reads patches, and facts about vulnerabilities, from a JSON
// document of its own format, over HTTP or from a file.
//
// Use it to bring patches of any source into the catalog: have a program write
// the document, serve it or put it into a file, and pass its location to [New].
// [Parse] and [Marshal] read and write the format alone. [Schema] is its JSON
// Schema.
//
// # Format
//
// A document is one JSON object in UTF-8. In the grammar, "?" marks an optional
// member, "…*" a list of any length, and every other member is required.
// Members may come in any order. A document with an unknown member is refused
// as a whole. A record with an unknown member is rejected, and the others are
// kept.
//
//	document    = { "format": 1, "dated"?: instant,
//	                "products"?: [product…*], "patches"?: [patch…*],
//	                "vulnerabilities"?: [vulnerability…*],
//	                "allExploited"?: bool, "advisories"?: [advisory…*],
//	                "lineSets"?: [lineSet…*] }
//	product     = { "id": text, "name": text, "vendor"?: text,
//	                "platform": platform, "architecture"?: text,
//	                "channel"?: text, "scheme": scheme,
//	                "lines"?: [line…*], "package"?: package }
//	package     = { "ecosystem": text, "name": text }
//	line        = { "prefix": text, "eol"?: end | bool, "extended"?: end }
//	patch       = { "id": text, "product": text, "version": version,
//	                "source"?: version, "title"?: text,
//	                "published"?: instant, "severity"?: severity,
//	                "cves"?: [text…*], "exploited"?: bool,
//	                "class"?: class, "artifacts"?: [artifact…*],
//	                "eolMarked"?: bool, "eol"?: end, "withdrawn"?: bool,
//	                "supersedes"?: [text…*],
//	                "requires"?: [requirement…*], "reboot"?: bool,
//	                "transaction"?: text }
//	requirement = { "patch": text, "reboot"?: bool }
//	artifact    = { "name": text, "availability": availability,
//	                "url"?: text, "customUrl"?: text, "size"?: number,
//	                "digests"?: [digest…*], "signer"?: text,
//	                "signatureUrl"?: text }
//
//	vulnerability = { "id": text, "severity"?: severity,
//	                  "published"?: instant, "exploited"?: answer,
//	                  "listed"?: instant, "due"?: instant,
//	                  "ransomware"?: answer, "automatable"?: answer,
//	                  "totalImpact"?: answer,
//	                  "probability"?: number, "withdrawn"?: bool }
//	advisory      = { "id": text, "cves"?: [text…*],
//	                  "severity"?: severity, "published"?: instant,
//	                  "modified"?: instant,
//	                  "withdrawn"?: bool, "fixes"?: [fix…*] }
//	fix           = { "package": package, "introduced"?: version,
//	                  "fixed"?: version }
//	lineSet       = { "product": text, "lines"?: [line…*] }
//
//	platform     = "linux" | "windows" | "macos"
//	scheme       = "semver" | "debian" | "rpm" | "apk" | "dotted" |
//	               "loose" | "jdk", or an importer's, like "x-acme"
//	version      = scheme ":" text, like "debian:1:2.36-9"; of an
//	               importer's scheme with the key in hex, like
//	               "x-acme:6b:2.0"
//	severity     = "unrated" | "low" | "medium" | "high" | "critical"
//	answer       = "yes" | "no"; without the member it is unknown
//	class        = "security" | "bugfix" | "feature" | "driver" | "definition"
//	availability = "Pinned" | "LatestOnly" | "Repository" | "Vendor"
//	digest       = algorithm ":" hex, like "sha256:9f86…";
//	               algorithm = "sha256" | "sha384" | "sha512" | "sha1" |
//	               "md5"
//	instant      = RFC 3339, like "2026-01-02T15:04:05Z"
//	end          = instant, or a date like "2026-01-02",
//	               which means the end of that day UTC (CAT-13);
//	               of a line also true: it has ended on an unknown date;
//	               or false (CAT-11)
//	number       = an integer; "size" is in bytes, "probability" in millionths
//
// "dated" is when the document was made: a document older than the newest
// accepted one is refused (CAT-2). "eol": true says that a line has ended on an
// unknown date (CAT-11), and false is the same as no "eol". No object may have
// two members whose names differ only in case.
//
// A document has at most [MaxDocument] bytes and [MaxRecords] records. A record
// over [MaxRecord] bytes is rejected.
//
// The fields have the meanings and bounds of [catalog.Product], [catalog.Patch],
// [catalog.Artifact], [catalog.Vulnerability], [catalog.Advisory] and
// [catalog.LineSet]. A record that breaks a bound, or repeats an id, is rejected
// with every reason, and the others are kept (CAT-16). A patch may name a
// product that another feed of the same authority lists (CAT-17), and a line set
// products that the feed is granted. A document with "allExploited": true names
// every vulnerability that is known to be exploited. A rejected record can make
// that void, see [catalog.Batch] (CAT-18).
//
// # Signature
//
// A feed can ask for a signature (Options.Signed): a file beside the document,
// in any format that a verifier of package integrity judges, like an OpenPGP
// signature, a signature by a plain key, or a sigstore bundle. Package
// policyverify makes a verifier from a signer policy. Before anything else is
// read of a new document, its signature must be valid and by one of the
// signers. Otherwise the fetch fails with a [SignatureError], whether the
// signature is absent, bad, by somebody else or of an unknown form, so removing
// it gains nothing (INT-4, INT-9). While the document and its signature are
// being replaced, they may not match. The fetch then fails too, and the catalog
// keeps what it has (CAT-1). A signature does not show that a document is the
// newest one: use "dated" as well.
//
// # Example
//
// One product with a line that has ended, one patch of it, and what is known of
// the vulnerability that it fixes:
//
//	{
//	  "format": 1,
//	  "products": [
//	    {"id": "acme-editor", "name": "Acme Editor",
//	     "platform": "windows", "scheme": "dotted",
//	     "lines": [{"prefix": "1", "eol": "2025-12-31"}],
//	       "package": {"ecosystem": "Acme", "name": "editor"}}
//	  ],
//	  "patches": [
//	    {"id": "acme-editor-2.1", "product": "acme-editor",
//	     "version": "dotted:2.1", "published": "2026-01-02T15:04:05Z",
//	     "artifacts": [
//	       {"name": "editor-2.1.msi", "availability": "Pinned",
//	        "url": "https://acme.example/editor-2.1.msi", "size": 4,
//
//	          "digests": ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
//	        "signer": "Acme"}
//	     ]}
//	  ],
//	  "vulnerabilities": [{"id": "CVE-2026-1234", "severity": "high",
//	    "exploited": "yes", "probability": 943210}],
//	  "advisories": [
//	    {"id": "ACME-7", "cves": ["CVE-2026-1234"],
//	     "fixes": [{"package": {"ecosystem": "Acme", "name": "editor"},
//	       "introduced": "dotted:1.4", "fixed": "dotted:2.1"}]}
//	  ],
//	  "lineSets": [{"product": "acme-viewer", "lines": [{"prefix": "3",
//	    "eol": true}]}]
//	}
package jsonfeed
