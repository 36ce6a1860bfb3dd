// Package kevfeed reads facts about vulnerabilities that decide how urgent a
// patch is (CAT-18). Each form is a feed of its own:
//
//   - [New]: the catalog of known exploited vulnerabilities (KEV) of CISA, as
//     JSON
//   - [NewSSVC]: CISA's decision points for vulnerabilities (SSVC), in CVE
//     records as the project Vulnrichment publishes them
//   - [NewEPSS]: the probability of exploitation (EPSS) of FIRST, as CSV
//
// # KEV
//
// The document is one object with dateReleased, count, and vulnerabilities.
// Other members are ignored. Of a vulnerability:
//
//	cveID                       Vulnerability.ID; it is known to be exploited
//	dateAdded                   Listed: the begin of that day, UTC
//	dueDate                     Due: the end of that day, UTC (CAT-13)
//	knownRansomwareCampaignUse  Ransomware: "Known" is yes. "Unknown" is unknown, never no
//
// The list is complete: while the feed is healthy, a vulnerability that is not
// on it, or was taken off it, is not known to be exploited. So a document is
// used only if it is whole. It is refused if it is cut off, if count is not the
// number of entries, if the list is empty, or if it has no dateReleased. The
// batch is dated by dateReleased, so that the catalog refuses an older document
// (CAT-2).
//
// An entry without a readable cveID is rejected, and the list then does not
// count as complete: what is not on it is unknown. An entry with an unreadable
// date is kept without that date, and reported. Real entries have a dueDate
// before their dateAdded, or move it in either direction: both dates are kept as
// they are. A repeated entry is rejected and the first one kept. Both leave the
// list complete: it has the vulnerability.
//
// # SSVC
//
// The document is a zip archive, a JSON list or a folder of CVE records (format
// 5), in files named CVE-….json; others are ignored. The facts are in
// containers.adp[].metrics[].other of type "ssvc": in its content.options,
// "Automatable" (yes, no) and "Technical Impact" (total, partial), spelled
// exactly so. "Exploitation" is not used, since KEV says what is exploited. Of
// several decisions the one with the newest timestamp counts. A record without
// one has no facts. A record with other values is rejected, and its facts stay
// unknown. The batch is dated by the newest timestamp; one more than a day ahead
// of the clock does not count.
//
// # EPSS
//
// The document is CSV, plain or packed with gzip. It begins with a comment that
// has the date, and with the names of the columns:
//
//	#model_version:v2026.03.14,score_date:2026-03-10T12:55:00Z
//	cve,epss,percentile
//	CVE-2026-1234,0.00043,0.0812
//
// epss is Vulnerability.Probability, cut off after six digits, and percentile is
// ignored. The batch is dated by score_date. A document without a row, or whose
// last line does not end, is refused. The format has no count: a plain file that
// is cut off at the end of a line cannot be recognized, so prefer a packed one.
//
// All three are public and not signed: their trust is that of the transport.
package kevfeed
