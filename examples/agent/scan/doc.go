// Package scan says which patches are missing on a Debian or Ubuntu system,
// from its package database and the lists that apt has downloaded. It only
// reads: it needs no root rights and no network, and takes no lock.
//
// The catalog decides the verdicts, from feeds that verify the lists as apt-get
// update did. On this asset apt itself decides two more things: which version
// it would choose (its pins and priorities, CAT-5), and whether the deployable
// patches can be installed together without adding or removing a package
// (CAT-3). So the deployable patches are those that apt would install. Each
// newer version that apt would not install has a row with the reason (CAT-19).
package scan
