package rpmfeed

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// modular returns the packages that modules.yaml names:
// name-epoch:version-release.arch. No other word of such a document has this
// form, so its structure does not matter.
func modular(in io.Reader) (map[build]bool, error) {
	found := map[build]bool{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		for word := range strings.FieldsFuncSeq(lines.Text(), func(r rune) bool { return strings.ContainsRune(" \t,[]'\"", r) }) {
			if b, is := splitNEVRA(word); is {
				found[b] = true
			}
		}
		if len(found) > catalog.MaxPatches {
			return nil, fmt.Errorf("it names more than %d packages", catalog.MaxPatches)
		}
	}
	return found, lines.Err()
}

func splitNEVRA(s string) (b build, ok bool) {
	name, rest, has := strings.Cut(s, ":")
	at, dot := strings.LastIndexByte(name, '-'), strings.LastIndexByte(rest, '.')
	if !has || at < 1 || dot < 0 {
		return build{}, false
	}
	version, release, has := strings.Cut(rest[:dot], "-")
	if epoch := name[at+1:]; !has || epoch == "" || strings.Trim(epoch, "0123456789") != "" || version == "" || release == "" {
		return build{}, false
	}
	return build{name[:at], EVR(name[at+1:], version, release), rest[dot+1:]}, true
}
