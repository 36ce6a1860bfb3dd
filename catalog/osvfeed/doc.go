// Package osvfeed reads security advisories in the format of OSV (Open Source
// Vulnerability format, schema 1.x): which versions of which packages fix which
// vulnerabilities. Debian's repositories do not say which vulnerabilities a
// patch fixes; this feed adds that.
//
//	feed, err := osvfeed.New("osv-debian", "https://acme.example/Debian/all.zip", []string{"Debian:12"}, osvfeed.Options{})
//
// The location is an http, https or file URL, or a path, of one of these:
//
//   - a zip archive of records, one JSON file each, like the all.zip that the
//     OSV project publishes per ecosystem
//   - a JSON list of records
//   - a folder with one JSON file per record, in it or below it
//
// Only files that end in ".json" are read; their names mean nothing else.
//
// # What is taken of a record
//
//	id                          Advisory.ID
//	id, aliases, upstream       Advisory.CVEs: those that are CVE ids. If there is none, and the package is one
//	                            of a distribution, also those in related, where older records have them
//	modified, published         Advisory.Modified and Published
//	withdrawn                   Advisory.Withdrawn
//	affected[].package, ranges  Advisory.Fixes
//	severity, database_specific,
//	ecosystem_specific          Advisory.Severity
//
// Only affected packages of the ecosystems that the feed is configured for
// count, spelled exactly so ("Debian:12", "Ubuntu:22.04:LTS", "npm"). A record
// without one of them is not looked at further. The package names are those of
// source packages. A product's Package field holds the name that advisories use
// for it.
//
// A range is read as the schema evaluates it: in the order of versions, from
// each "introduced" to the next "fixed" or "limit". "0" is before every
// version, and the limit "*" is none. "last_affected" is not used, since it
// names no version that fixes: such a range stays open until a "fixed" follows,
// and without one no version counts as fixed. Ranges of commits (GIT) and lists
// of single versions are not used. If a package has nothing else, its record is
// rejected.
//
// Versions are in the scheme of the ecosystem: debian for Debian and Ubuntu,
// apk for Alpine and its relatives, rpm for Red Hat, AlmaLinux, Rocky Linux,
// SUSE, openSUSE and others, and semver for npm, Go, crates.io, Hex and Pub.
// New refuses any other ecosystem, because the package does not know how its
// versions are ordered.
//
// The severity is the distributor's own (Debian's urgency, Ubuntu's priority,
// what GitHub's records say), the highest if there are several. Otherwise it
// is computed from the base metrics of a CVSS 3 vector: low below 4, medium
// below 7, high below 9, critical from 9 on. Vectors of CVSS 2 and 4 are not
// read, and such a severity is unknown.
//
// # Bounds and trust
//
// An archive is kept in a temporary file while it is read, one record at a
// time. It has at most 1 GiB, a million records, 16 GiB unpacked, and 16 MiB per
// record. A record that is over its limit, cannot be read, or repeats an id is
// rejected and counted, and the others are kept (CAT-16). An archive or list
// that is cut off, or damaged in any part, is refused as a whole, and the
// catalog keeps the last good one (CAT-18).
//
// The batch is dated by the newest "modified" of the records it has, so that
// the catalog refuses an older copy than the newest one it accepted (CAT-2). A
// "modified" more than a day ahead of the clock does not count. If a source
// removes its newest record and leaves no trace, its copy looks older, and is
// refused, until it changes another record.
//
// OSV's archives are not signed: their trust is that of the transport. Facts
// never decide whether a patch may be deployed (CAT-4).
package osvfeed
