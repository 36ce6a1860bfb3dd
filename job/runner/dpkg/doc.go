// Package dpkg is the [runner.Platform] of Debian, Ubuntu and related systems:
// the host itself, or a root folder.
//
//	p, err := dpkg.New(dpkg.Config{})                           // the host
//	p, err := dpkg.New(dpkg.Config{Root: "/srv/roots/web1"})    // a root folder
//
// Inventory reads the package database and apt's policy; it needs no root
// rights and changes nothing. Packages that wait for triggers count as
// installed. Preflight simulates with apt's resolver. Install is one
// transaction of dpkg. For the rules, this package does the following:
//
//   - CAT-3: upgrades only. A patch is refused if its package is not installed,
//     or is newer on the asset; dpkg refuses downgrades, too. No package is
//     ever added or removed: the resolver knows only what is installed and what
//     the order brings, and may not remove anything.
//   - CAT-5: a package on hold is Held in the inventory, and its patch is
//     refused. A package is PinnedTo a version if apt prefers that version to
//     the newest one it knows. If the vendor hands out an update in phases and
//     apt keeps it back here, the package is PinnedTo the installed version.
//   - CAT-7: Preflight reports the version that the file really contains.
//   - CAT-17: a package is a product of the distribution's channel. Also lists
//     the same package in each other channel of apt's sources that has it, so
//     that a package from backports or from a vendor's own repository gets
//     updates from there.
//   - CAT-19: [Apt] asks the system's apt which version it prefers and what it
//     would do. Apt works on a copy of the package database in which everything
//     that dpkg left unfinished is finished, so that one unfinished package
//     does not block the others.
//   - INT-6: dpkg, dpkg-deb and apt read the descriptors that the runner
//     verified, as /proc/self/fd paths. No file name in a folder is trusted.
//   - JOB-10: an install that has begun is killed only at its limit (JOB-25).
//     dpkg runs in a session of its own, so neither the agent's death nor a
//     signal to it ends dpkg. dpkg writes to a file instead of a pipe, and
//     Install waits for it even when its context ends. Under systemd, give the
//     agent's unit KillMode=process.
//   - JOB-13: each action runs with its own timeout, inside the root folder if
//     there is one.
//   - JOB-15: nothing depends on who is logged in.
//   - JOB-17: a package database that a crash left half-done is repaired first,
//     with "dpkg --configure -a". A package that is then at its version is not
//     installed again. Until the repair, the inventory lists such a package at
//     the version that worked last, and as Unfinished. So its upgrade is still
//     missing and is ordered again, and the verdict says in what state dpkg left
//     it. JOB-27 limits how often.
//   - JOB-25: at the install limit, dpkg and the maintainer scripts get
//     SIGTERM, and SIGKILL after Config.Grace. A patch that is then not at its
//     version has code 10. The next install repairs the database first
//     (JOB-17).
//   - RBT-2: a package's result asks for a reboot if /run/reboot-required names
//     the package, whoever left that mark first; if the mark is new and names
//     no package; or if the package contains the running kernel or a newer one,
//     on the host. An older mark that does not name the package does not count.
//   - RBT-9: sessions are Unknown if neither logind nor utmp can say. In a root
//     folder they are Nobody.
//
// # A root folder
//
// The boot identity of a root folder is the first line of
// run/patchpolicy-boot-id in it, if that file exists; otherwise the host's.
// Whoever runs the folder as a container writes a new one at each start. A root
// folder can be rebooted only with Config.RebootCommand. While dpkg runs in a
// root folder that has no usr/sbin/policy-rc.d, this package puts one there
// that forbids starting services.
//
// Everything below a root folder is read as a process inside it sees it: links
// stay inside, and pipes are refused. The host's own apt and dpkg do not work
// like that. They run on a root only if no link in the places that they read or
// write leads out of it; otherwise the error is an [*OutsideError]. apt also
// runs with a configuration under which the root's own configuration cannot
// choose a program that runs on the host. Deploying to a root trusts it: dpkg
// follows the links below var, usr and etc. To patch a container that is not
// trusted, run the agent inside it.
//
// # Programs and files of the host
//
// The host's programs are found in /usr/sbin, /usr/bin, /sbin and /bin, never
// through PATH, and get a fixed environment. Temporary files are in
// Config.Temp, whatever TMPDIR says.
//
// # Locks
//
// Install holds lock-frontend for its whole time, as apt does. It waits for
// that lock and for dpkg's own lock, at most Config.LockWait.
package dpkg
