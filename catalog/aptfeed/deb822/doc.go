// Package deb822 reads Debian's control format: paragraphs of "Name: value" fields separated by blank lines. Package
// lists, Release files, dpkg's status file and .sources files are all written in it.
//
// The grammar, a line at a time:
//
//	paragraph    = { comment | field { continuation } } empty line, or the end of the file
//	field        = name ":" value        name: printable ASCII but ":", not starting with "-" or "#"
//	continuation = ( " " | "\t" ) text   belongs to the field above; a text of "." alone, or none, stands for an empty line
//	comment      = "#" anything          left out wherever it stands
//
// For example, two paragraphs, the first with two fields, of which the second has the value "web server\nsmall\n.\nfast":
//
//	Package: hare
//	Description: web server
//	 small
//	 .
//	 fast
//
//	Package: tortoise
//
// A Reader streams: it holds one paragraph, and its memory is bounded whatever the input (see the limits). A paragraph
// that breaks the grammar is an *Error that tells the line; the next call goes on with the paragraph after it, so that
// one bad record costs only itself (CAT-16).
package deb822
