// Package scan says what is missing on a Debian or Ubuntu system, from its own package database and the lists that apt has
// downloaded. It reads only: it needs no root and no network, and it takes no lock.
//
// The verdicts are the catalog's, over feeds that verify the lists as apt-get update did. Two more
// things are asked of apt itself, because on this asset it decides: which version it would choose
// (its pins and priorities, CAT-5), and whether the deployable patches can be installed together
// without adding or removing a package (CAT-3). So what is deployable is what apt would install,
// and each newer version that it would not has a row with the reason (CAT-19).
package scan
