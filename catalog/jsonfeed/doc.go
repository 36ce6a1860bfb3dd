// Package jsonfeed reads patches from a JSON document of its own format, over HTTP or from a file.
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
//	document    = { "format": 1, "dated"?: instant, "products"?: [product…*], "patches"?: [patch…*] }
//	product     = { "id": text, "name": text, "vendor"?: text, "platform": platform, "architecture"?: text,
//	                "channel"?: text, "scheme": scheme, "lines"?: [line…*] }
//	line        = { "prefix": text, "eol"?: end | bool, "extended"?: end }
//	patch       = { "id": text, "product": text, "version": version, "title"?: text, "published"?: instant,
//	                "severity"?: severity, "cves"?: [text…*], "exploited"?: bool, "class"?: class, "artifacts"?: [artifact…*],
//	                "eolMarked"?: bool, "eol"?: end, "withdrawn"?: bool, "supersedes"?: [text…*],
//	                "requires"?: [requirement…*], "reboot"?: bool, "transaction"?: text }
//	requirement = { "patch": text, "reboot"?: bool }
//	artifact    = { "name": text, "availability": availability, "url"?: text, "customUrl"?: text, "size"?: number,
//	                "digests"?: [digest…*], "signer"?: text, "signatureUrl"?: text }
//
//	platform     = "linux" | "windows" | "macos"
//	scheme       = "semver" | "debian" | "rpm" | "apk" | "dotted" | "loose" | "jdk", or an importer's, like "x-acme"
//	version      = scheme ":" text, like "debian:1:2.36-9" or "semver:2.0.1"; of an importer's scheme with the key in
//	               hex, like "x-acme:6b:2.0"
//	severity     = "unrated" | "low" | "medium" | "high" | "critical"
//	class        = "security" | "bugfix" | "feature" | "driver" | "definition"
//	availability = "Pinned" | "LatestOnly" | "Repository" | "Vendor"
//	digest       = algorithm ":" hex, like "sha256:9f86…"; algorithm = "sha256" | "sha384" | "sha512" | "sha1" | "md5"
//	instant      = RFC 3339, like "2026-01-02T15:04:05Z"
//	end          = instant, or a date like "2026-01-02", which means the end of that day UTC (CAT-13);
//	               of a line also true: it has ended on an unknown date; or false (CAT-11)
//
// "dated" is when the document was made: a document older than the newest
// accepted one is refused (CAT-2). "eol": true says that a line has ended on an
// unknown date (CAT-11), and false is the same as no "eol". No object may have
// two members whose names differ only in case.
//
// A document has at most [MaxDocument] bytes and [MaxRecords] records. A record over [MaxRecord]
// bytes is rejected.
//
// The fields have the meanings and bounds of [catalog.Product], [catalog.Patch]
// and [catalog.Artifact]. A record that breaks a bound, or repeats an id, is
// rejected with every reason, and the others are kept (CAT-16). A patch may name
// a product that another feed of the same authority lists (CAT-17).
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
// One product with a line that has ended, and one patch of it:
//
//	{
//	  "format": 1,
//	  "products": [
//	    {"id": "acme-editor", "name": "Acme Editor", "platform": "windows", "scheme": "dotted",
//	     "lines": [{"prefix": "1", "eol": "2025-12-31"}]}
//	  ],
//	  "patches": [
//	    {"id": "acme-editor-2.1", "product": "acme-editor", "version": "dotted:2.1", "published": "2026-01-02T15:04:05Z",
//	     "artifacts": [
//	       {"name": "editor-2.1.msi", "availability": "Pinned", "url": "https://acme.example/editor-2.1.msi", "size": 4,
//	        "digests": ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"], "signer": "Acme"}
//	     ]}
//	  ]
//	}
package jsonfeed
