// Package rpm says what an RPM system has installed, which repositories it uses,
// and what it keeps back, as dnf does. It only reads: it needs no network and
// takes no lock.
//
// dnf's own settings choose among the versions that the repositories offer
// (CAT-17, CAT-19): priorities, excludepkgs, includepkgs, and the list of the
// versionlock plugin. What they exclude is explained, and never hides an older
// update that is allowed.
//
// Some packages get no update at all, each with the reason. Several versions of
// one that is in installonlypkgs, like a kernel, are installed side by side:
// that is a first install and no upgrade (CAT-3). A package of a module gets its
// updates from a stream, which is not judged here. A package that replaces
// another one by Obsoletes is a first install too, so it is never offered; the
// updates of the replaced package are.
package rpm
