// Package dpkg is the runner.Platform of Debian, Ubuntu and their kin: the host itself, or a root folder of one.
//
//	p, err := dpkg.New(dpkg.Config{})                           // the host
//	p, err := dpkg.New(dpkg.Config{Root: "/srv/roots/web1"})    // a root folder
//
// Inventory reads the package database and apt's policy (packages that wait for triggers are
// installed); it needs no root and changes nothing. Preflight asks apt's resolver by simulation.
// Install is one transaction of dpkg. What this package does for the rules:
//
//   - CAT-3: only upgrades. A patch is refused when its package is not installed or newer on the asset, and dpkg refuses downgrades
//     too. No package is ever added or removed: the resolver knows nothing but what is installed and what the order brings, and
//     may not remove.
//   - CAT-5: a package on hold is Held in the inventory and refused; one for which apt prefers
//     another than the newest version it knows is PinnedTo that version, and one whose update the
//     vendor hands out in phases, while apt keeps it back here, to the installed one.
//   - CAT-17: a package is a product of the distribution's channel, and Also one of every other
//     channel of apt's sources that lists it, so that one which came from backports or from a
//     vendor's own repository follows that.
//   - CAT-19: Apt asks the system's apt which version it prefers and what it would do, of a copy of
//     the package database in which what dpkg left unfinished is finished: one leftover does not
//     speak for the rest.
//   - CAT-7: Preflight reports the version that the file really contains.
//   - INT-6: dpkg, dpkg-deb and apt read the very descriptors the runner checked, as /proc/self/fd paths; no name in a folder is trusted.
//   - JOB-10: an install that has begun is not killed, except at a limit (JOB-25): dpkg runs in a session of its own, so neither the agent's death nor a signal to it
//     ends it, writes to a file instead of a pipe, and Install waits for it even when its context ends. (Under systemd, give the agent's
//     unit KillMode=process.)
//   - JOB-13: actions run with the timeout the job gives, inside the root folder if there is one.
//   - JOB-15: nothing asks who is logged in.
//   - JOB-17: a package database left half-done by a crash is repaired with "dpkg --configure -a" before anything else; what is then at
//     its version is not installed again. Until then the inventory has such a package at the version that worked last, so that its upgrade
//     is missing still and is ordered again.
//   - JOB-25: at the install limit dpkg and the maintainer scripts get SIGTERM, and after Config.Grace SIGKILL. What is not at its version
//     then has code 10; the next install repairs the database first (JOB-17).
//   - RBT-2: a result asks for a reboot when /run/reboot-required appeared or named more packages during the install, or when a kernel
//     package of the running version or a newer one was installed on the host. A mark from before the job does not count.
//   - RBT-9: sessions are Unknown when neither logind nor utmp can say. A root folder has Nobody.
//
// # A root folder
//
// A root folder's boot identity is the first line of run/patchpolicy-boot-id in it, if that file exists; otherwise the host's. Whoever runs the
// folder as a container writes a new one at every start. A root folder cannot be rebooted from here, unless Config.RebootCommand says how.
// While dpkg runs in a root folder, a usr/sbin/policy-rc.d that forbids starting services is put into it, if it has none.
//
// Everything that is read below a root folder is read as a process inside would see it: a link
// leads nowhere else, and a pipe is refused. The host's own apt and dpkg know nothing of that. They
// are run on a root only where CheckRoot finds no link that leads out of it, and apt only with
// aptGuard, under which the root's configuration chooses no program that runs on the host.
// Deploying to a root trusts it: dpkg follows the links below var, usr and etc. To patch a
// container that is not trusted, run the agent inside it.
//
// # Programs and files of the host
//
// The host's programs are found in Config.Programs, never by the PATH of whoever started the agent, and are given a fixed
// environment. Temporary files are in Config.Temp, whatever TMPDIR says.
//
// # Locks
//
// Install holds lock-frontend for its whole time, as apt does, and waits for it and for dpkg's own lock up to Config.LockWait.
package dpkg
