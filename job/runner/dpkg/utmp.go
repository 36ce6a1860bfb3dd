package dpkg

import (
	"encoding/binary"

	"github.com/patchpolicy/patchpolicy/reboot"
)

// The layout of a utmp record, the same on every Linux of today: the type at the beginning, the user's name after pid, line and id.
const (
	utmpRecord  = 384
	utmpUser    = 44
	userProcess = 7
	maxUtmp     = 1 << 20 // bytes looked at: 2,700 sessions
)

// parseUtmp looks for a record of a logged-in user. A file that is no list of records tells nothing.
func parseUtmp(b []byte) reboot.Sessions {
	if len(b)%utmpRecord != 0 || len(b) > maxUtmp {
		return reboot.Unknown
	}
	for ; len(b) > 0; b = b[utmpRecord:] {
		if binary.NativeEndian.Uint16(b) == userProcess && b[utmpUser] != 0 {
			return reboot.Active
		}
	}
	return reboot.Nobody
}
