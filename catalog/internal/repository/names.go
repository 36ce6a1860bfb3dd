package repository

import (
	"encoding/hex"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// Showable reports whether the catalog accepts a text.
func Showable(s string) bool {
	return len(s) <= catalog.MaxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// IsHex reports whether s is a digest of the algorithm in hex.
func IsHex(s string, algorithm integrity.Algorithm) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 2*algorithm.Size()
}

// FileProblem returns what is wrong with the path of a package whose name ends
// in one of the extensions. Empty: nothing. It is appended to the repository's
// address unchanged, even if it is absolute or has a double slash.
func FileProblem(file string, extensions ...string) string {
	name := path.Base(file)
	switch {
	case file == "":
		return "is missing"
	case slices.Contains(strings.Split(file, "/"), ".."):
		return "leads out of the repository"
	case !slices.Contains(extensions, path.Ext(name)) || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || len(name) > catalog.MaxFileName:
		return "does not end in the name of a " + extensions[0]
	case strings.Contains(file, `\`) || !Showable(file):
		return "contains characters that are not allowed in a file name"
	}
	return ""
}
