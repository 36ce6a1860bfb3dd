package drive

import (
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Zone is the name of the time zone that the system below root is set to, from
// its etc/localtime link or its etc/timezone. Empty if neither gives a name.
func Zone(root string) string {
	if target, err := inroot.Readlink(root, "etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(filepath.ToSlash(target), "zoneinfo/"); ok && schedule.ValidZone(name) == nil {
			return name
		}
	}
	if text, err := inroot.ReadFile(root, "etc/timezone", 1000); err == nil {
		if name := strings.TrimSpace(string(text)); schedule.ValidZone(name) == nil {
			return name
		}
	}
	return ""
}
