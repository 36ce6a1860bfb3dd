// Package folder is an asset whose disk is a folder: a runner.Platform that a program can have nine of, without root.
//
// The folder holds
//
//	versions.json    what is installed, replaced atomically: product to version
//	products/NAME    what the product's last patch put there
//	boot             the identity of this boot, replaced by each reboot
//	journal          what was done to it, a line each
//	reboot-required  the system's own mark that a reboot is due (RBT-2); a reboot takes it away
//
// A patch file is one line of JSON, the Patch, and after it the product's new content:
//
//	{"format":"folder-patch-1","product":"kernel","version":"semver:6.1.1","millis":1500,"reboot":true}
//	… content to its end
//
// Nobody is ever logged in, so a reboot is counted down and not deferred (RBT-4). To reboot, the folder changes its boot
// identity and calls Config.Restart, which has to end the agent and start it again, as a machine that goes down and comes up does.
package folder
