// Package deb822 reads Debian's control format: paragraphs of "Name: value"
// fields, separated by blank lines. Package lists, Release files, dpkg's status
// file and .sources files have this format.
//
// The grammar, line by line:
//
//	paragraph    = { comment | field { continuation } } empty line, or the end of the file
//	field        = name ":" value        name: printable ASCII except ":", not beginning with "-" or "#"
//	continuation = ( " " | "\t" ) text   continues the field above; a text of "." alone, or none, is an empty line
//	comment      = "#" anything          ignored anywhere
//
// An example with two paragraphs. The value of Description is "web
// server\nsmall\n.\nfast":
//
//	Package: hare
//	Description: web server
//	 small
//	 .
//	 fast
//
//	Package: tortoise
//
// A [Reader] streams: it holds one paragraph, and its memory is bounded for any
// input. A paragraph that breaks the grammar or a bound is an *[Error] with the
// line. The next call returns the paragraph after it, so a bad record costs
// only itself (CAT-16).
package deb822
