// Package vendor is a software vendor in one process. Over HTTP on the loopback
// it serves patch files, their detached signatures, and its list of products
// and patches in the format of catalog/jsonfeed.
//
// It can also serve a newer version at the address of an older one
// (LatestOnly), and change a file after it was listed, as an attacker does.
package vendor
