package debroot

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// Missing says why tiny roots and packages cannot be made and used here; empty:
// they can.
func Missing() string { return missing("dpkg", "dpkg-deb", "apt-get", "apt-cache", "ldd", "cp") }

// MissingReal says why real roots cannot be made here; empty: they can, if the
// repository can be reached.
func MissingReal() string { return cmp.Or(Missing(), missing("debootstrap")) }

func missing(programs ...string) string {
	if runtime.GOOS != "linux" {
		return "Debian roots need Linux, and this is " + runtime.GOOS
	}
	if os.Geteuid() != 0 {
		return "Debian roots need root: maintainer scripts run in a chroot"
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Sprintf("%s is not installed: apt-get install dpkg-dev apt debootstrap", p)
		}
	}
	return ""
}
