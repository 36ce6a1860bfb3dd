// Package eolfeed reads ends of life from documents of the endoflife.date
// project.
//
// The project's names are not the catalog's, so the configuration says of each
// document which products it speaks of ([Document]). The feed brings their
// version lines ([catalog.LineSet]). It brings no products and no patches. The
// products belong to other feeds, so grant their lines to this one
// (catalog.Grant.Lines, CAT-17).
//
// # Documents
//
// Three forms are read. Unknown members are ignored.
//
// A product of the project's API, version 1, at /api/v1/products/NAME/:
//
//	{"generated_at": "2026-08-22T09:12:34+00:00", "result": {"releases": [
//	  {"name": "12", "isEol": true, "eolFrom": "2026-06-10",
//	    "isEoes": false, "eoesFrom": "2028-06-30", "isMaintained": true},
//	  {"name": "11", "isEol": true, "eolFrom": null},
//	  {"name": "13", "isEol": false, "eolFrom": null}]}}
//
// A product of the older API, at /api/NAME.json:
//
//	[{"cycle": "12", "eol": "2026-06-10",
//	  "extendedSupport": "2028-06-30"}, {"cycle": "11", "eol": true},
//	  {"cycle": "13", "eol": false}]
//
// A file of the project's release data, releases/NAME.json:
//
//	{"releases": {"12": {"name": "12", "eol": "2026-06-10",
//	  "eoes": "2028-06-30"}, "13": {"name": "13", "eol": false}}}
//
// # Meaning
//
// A release is a version line, and its name is the line's prefix (CAT-11). Its
// end of life is:
//
//   - a date: that day's end, UTC (CAT-13). A date always decides, even if isEol
//     contradicts it. The project computes isEol from the date on the day on
//     which it makes the document, so isEol is wrong as soon as the document is
//     old, and the date is not;
//   - true without a date: the line has ended on an unknown date;
//   - false without a date: no end is announced.
//
// The end of extended support is kept as data (CAT-12) and only if it is a date.
// Active support, isMaintained and everything else is ignored: isMaintained
// counts extended support.
//
// A release that says nothing about its end, or that cannot be read, is
// rejected with the reason (CAT-16). The project's release data has many of
// them, because it holds only what the project's programs find. The versions of
// such a release are on no line (NoLine), unless the document has a line with a
// shorter prefix that matches them. The end of that line is not theirs, so the
// release is then kept as a line without an end.
//
// # Dates and failures
//
// A document of version 1 says when it was made (generated_at). The batch has
// the oldest date of its documents (CAT-2), because the feed is as old as its
// oldest document. The project makes all documents at once, so an older
// document among newer ones is refused too. The other forms have no date: read
// them only from a source that you trust never to serve an older document. Put
// documents from another origin in a feed of their own.
//
// A document that cannot be fetched or read as a whole makes the fetch fail, and
// the error names it. The catalog then keeps the last good lines of all (CAT-1).
package eolfeed
