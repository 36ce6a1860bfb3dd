// Package fault says why the source of a feed could not be used: what is wrong,
// where, and of which class. Every feed of this module fails with an [Error],
// perhaps wrapped, and so does every feed that passes catalogtest.TestSources.
package fault
