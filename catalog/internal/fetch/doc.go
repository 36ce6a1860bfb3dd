// Package fetch is what feeds share: how a file is fetched with validators and
// bounds, over HTTP or from this machine ([Client]), how bad records are listed
// ([Rejects]), and a whole feed of one document ([Feed]).
//
// A [Feed] has a [Form], which says how its document is read. Of an unchanged
// document nothing is read again: the server says that it did not change (ETag,
// Last-Modified), or its bytes are those of the last good fetch. Whatever is
// wrong is a *fault.Error, perhaps wrapped.
package fetch
