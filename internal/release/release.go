package release

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// Version is the program's version, its commit if the build recorded one, and
// the release of Go that built it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text, commit, changed := cmp.Or(info.Main.Version, "unknown"), "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = ", commit " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", changed since"
		}
	}
	return fmt.Sprintf("%s%s%s, built with %s", text, commit, changed, info.GoVersion)
}
