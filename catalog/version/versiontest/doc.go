// Package versiontest is the conformance suite of version schemes (CAT-20). The
// built-in schemes run it, and an importer's should too:
//
//	versiontest.TestScheme(t, versiontest.Scheme{
//		Parse:  version.Own{Name: "x-acme", Key: acmeKey}.Parse,
//		Rising: [][]string{{"2024a"}, {"2024b", "2024B"}, {"2025a"}},
//		Wrong:  []string{"2024", "a2024"},
//	})
package versiontest
