// Package fetch is what feeds of one document share: how the document is
// fetched, over HTTP or from a file, and how its bad records are listed.
//
// A feed is a [Feed] with a [Form], which says how a document is read. Of an
// unchanged document nothing is read again: the server says that it did not
// change (ETag, Last-Modified), or its bytes are those of the last good fetch.
package fetch
