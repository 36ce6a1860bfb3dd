// Package agentsim is a virtual world for the policy packages: a clock, a network, vendors, users and assets, around the
// production controller (package job/controller) and the production agent (package job/agent). Nothing of the policy is
// copied, so what holds here holds for the programs; and since nothing waits, a week takes milliseconds.
//
// A crash leaves of an agent what it had committed, and of the server what its store had. The invariants of package
// job/agent are checked at every step by code of their own, and a broken one ends the run as a *Broken.
//
// # Scenarios
//
// A scenario is a text file that an administrator can read and write. One line is one step; a step may begin with a time,
// counted from the clock's start (+3h15m, +2d) or absolute (2026-03-02T00:00:00Z), else it happens at the time of the step
// above. What follows # is a comment.
//
//	# A job disabled while it waits in an agent's queue leaves it with the next check-in.
//	clock 2026-03-02T00:00:00Z, check-in every 15m
//	patch chrome-121: chrome 121.0.6167.85, pinned, signed by Google
//	asset web-1 has chrome 120.0.6099.71
//	job nightly: patches chrome-121, assets web-1, once at +6h
//	+1m      enable nightly
//	+3h16m   expect web-1 nightly Received
//	+5h40m   disable nightly
//	+6h10m   expect web-1 nightly Withdrawn
//
// The steps:
//
//	clock INSTANT[, check-in every D][, sync every D]
//	patch ID: PRODUCT VERSION[, pinned|latest only|repository|vendor][, signed by NAME][, no checksum][, needs reboot]
//	      [, requires PATCH[ and a reboot]][, supersedes PATCH][, fixes CVE…][, severity S][, transaction NAME]
//	line PRODUCT PREFIX ends TIME
//	asset ID[ tagged TAG…] has PRODUCT VERSION[ on hold][, …]
//	job ID: CLAUSE[, CLAUSE]…       a clause is one of
//	      patches ID… | query[ severity S][ product P][ vendor V][ cve C] | assets ID… | without ID… | tags T… | all tags |
//	      not tagged T… | on demand | once at TIME | window D | defer N times for D | prompt D | countdown D | suppress reboot |
//	      strict | strict lines | no last call | early download | first ACTION… | last ACTION… | after JOB per asset | after JOB at N%
//	edit ID: CLAUSE[, CLAUSE]…      what is not given again stays
//	enable JOB, disable JOB, delete JOB, cancel JOB, sync
//	vendor marks PATCH end of life[ at TIME] | withdraws PATCH | removes PATCH | takes down PATCH | restores PATCH |
//	      strips PATCH | damages PATCH | signs PATCH by NAME | serves VERSION for PATCH | feed fails | feed recovers
//	server goes down | comes up | crashes
//	ASSET logs in | logs out | locks | unlocks | answers later|now[ N times] | cannot tell who is logged in |
//	      crashes | reboots | goes off | comes on | network cut | network back | clock +D|-D | loses its state |
//	      installer of PRODUCT fails|lies|asks for a reboot|leaves the reboot mark|is undone by a reboot|works |
//	      refuses PRODUCT: WHY | action NAME exits N | takes D for inventory|download|install|action|boot |
//	      waits for reboots by hand
//	expect ASSET JOB nothing|PROGRESS|RESULT|TooLate(STAGE)
//	expect ASSET JOB PATCH STATUS[ CODE][ RULE]
//	expect ASSET PRODUCT VERSION|nothing
//	expect ASSET reboots|prompts|downloads|installs N
//	expect server ASSET JOB nothing|PROGRESS|RESULT|CANCEL[(STAGE)]
//	expect server failed installs N
//	expect verdict PATCH on ASSET REASON…
//	expect refused TEXT             of the step above, which the server refused
//	expect feed healthy|failing|stale
//	expect settled                  nothing is under way, and server and journals agree
//
// Durations are Go's, with days: 90s, 15m, 3h15m, 2d12h.
package agentsim
