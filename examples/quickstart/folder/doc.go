// Package folder is a runner.Platform whose disk is a folder. A program can have
// many of them, without root.
//
// The folder holds
//
//	versions.json    what is installed, product to version; replaced atomically
//	products/NAME    the content of the product's last patch
//	boot             the identity of this boot; each reboot replaces it
//	journal          one line per installation and reboot
//	reboot-required  the mark that a reboot is required (RBT-2); a reboot removes it
//
// A patch file is one line of JSON, the [Patch], and then the product's new
// content:
//
//	{"format":"folder-patch-1","product":"kernel","version":"semver:6.1.1","millis":1500,"reboot":true}
//	… content to its end
//
// Nobody is ever logged in, so a reboot is counted down and cannot be deferred
// (RBT-4). To reboot, the folder changes its boot identity and calls
// Config.Restart. That must end the agent and start it again, as a machine does
// that reboots.
package folder
