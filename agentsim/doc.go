// Package agentsim is a virtual world for the policy packages: a clock, a network, vendors, users and assets, around the
// production controller (package job/controller) and the production agent (package job/agent). Nothing of the policy is
// copied, so what holds here holds for the programs; and since nothing waits, a month takes a second.
//
// A crash leaves of an agent what it had committed, and of the server what its store had. An observer watches each asset from
// outside (the manifests that reach it, the reports it commits, what really happens to it) and checks the invariants of
// package job/agent in words of their own; one that does not hold ends the run as a *Broken. The same script gives the same
// history, byte for byte.
//
// It is used in two ways: scenarios are text files, read by ParseScript and played by examples/simulate or a test; and Test
// gives a test of your own product a harness in which such lines run against job definitions, reboot policies and catalogs
// made in Go.
//
// # Scenarios
//
// A scenario is a text file that an administrator can read and write. One line is one step; a step may begin with a time,
// counted from the clock's start (+3h15m, +2d) or absolute (2026-03-02T00:00:00Z), else it happens at the time of the step
// above. What follows # is a comment; the one on a line, or the nearest above it, is told when the line does not hold.
//
//	# A job disabled while it waits in an agent's queue leaves it with the next check-in. (JOB-5)
//	clock 2026-03-02T00:00:00Z, check-in every 15m
//	patch chrome-121: chrome 121.0.6167.85, pinned, signed by Google
//	asset web-1 has chrome 120.0.6099.71
//	job nightly: patches chrome-121, assets web-1, once at +6h
//	+1m      enable nightly
//	+3h16m   expect web-1 nightly Received
//	+5h40m   disable nightly
//	+6h10m   expect web-1 nightly Withdrawn
//
// Durations are Go's, with days: 90s, 15m, 3h15m, 2d12h. What is published at the start is listed at once, later things by the
// next sync. Agents call when they start, and then as often as the clock line says.
//
// An expectation that does not hold says what explains it, for the assets, jobs, patches and products that it names: verdicts,
// refusals, and how far the orders came. For an asset in a time zone, times are told on its own clock too.
//
// # The world
//
//	clock INSTANT[, check-in every D][, sync every D][, lead D][, store seed N]      a seed makes the store repeat transactions
//	patch ID: PRODUCT VERSION[, OPTION]…        an option is one of
//	pinned | latest only | repository | vendor | signed by NAME… | carries a signature by NAME… | no checksum | checksum sha256|sha384|sha512|sha1|md5 | needs reboot |
//	on PLATFORM[/ARCHITECTURE] | requires PATCH[ and a reboot] | supersedes PATCH | fixes CVE… | severity low|medium|high|critical | exploited |
//	class security|bugfix|feature|driver|definition | transaction NAME
//	line PRODUCT PREFIX ends TIME[ extended until TIME]
//	customer supplies PATCH                     the file of a patch with the option vendor
//	asset ID[ in ZONE][ on PLATFORM[/ARCHITECTURE]][ tagged TAG…][ has PRODUCT VERSION[ on hold][, …]]
//
// A PLATFORM is linux, windows or macos, an ARCHITECTURE amd64, arm64 or 386; what names none is for linux on amd64. A product is
// one title on one of each, so patches and assets of different ones may name the same product, and do not mean the same. A job is for
// one platform, on whatever architecture (JOB-7).
//
// # The administrator
//
//	job ID: CLAUSE[, CLAUSE]…                   a clause is one of
//	patches ID… | query but not CONDITION or … | query[ CONDITION and …][ but not CONDITION or …] | assets ID… | without ID… | tags T… | all tags | not tagged T… | on PLATFORM |
//	on demand | once at TIME | once at LOCAL-TIME in ZONE | daily, weekly, monthly, patch tuesday …: each at HH:MM in ZONE | start spread D | window D |
//	install limit D | stuck after D |
//	defer N times for D | prompt D | countdown D | no countdown | suppress reboot | reboots for a pending reboot | strict lines | known lines | legacy checksums | no last call | late joiners |
//	gives up after N failures | early download |
//	first ACTION… | last ACTION… | after JOB per asset[ plus D] | after JOB at N%[ plus D]
//	edit ID: CLAUSE[, CLAUSE]…                  what is not given again stays
//	enable|disable|delete|cancel|run JOB
//	delete JOB by force                         though enabled jobs run after it
//	retry PATCH of JOB on ASSET                 that the job gave up
//	remove ASSET                                each of its calls gets a last, empty manifest until it holds it, and is refused then; what it has begun goes on
//	settle ASSET                                one computer alone is the asset again, though another called as it
//	tag ASSET[ TAG…]                            all the tags it has from now on
//	sync                                        the catalog, at once
//	server goes down
//	server comes up
//	server crashes
//	server refuses|answers ASSET                its calls: a refusal that is known to come from the server
//	server is put back to TIME                  it goes on from a backup of then
//	server rotates its manifest key[ and root keys]      with a new version of the trust document; it starts again with it
//	policy NAME: CLAUSE[, CLAUSE]…              a clause is one of
//	PRODUCT unsigned | PRODUCT signed by SIGNER…[ or unsigned], where the product * is every one that no other clause names |
//	actions NAME…
//	server is under POLICY…                     what it orders from then on; no policy: what it did without
//	server crashes before|after commit N        the Nth from now that writes something: it starts again, and acts are asked for again
//	try LINE…                                   done if it can be: the server may refuse, an asset be off, a patch be gone
//
// A CONDITION of a query (JOB-8) is one of
//
//	product P… | vendor V… | channel C… | class C… | cve C… | any cve | severity S | exploited | needs reboot
//
// A recurring schedule is one of
//
//	daily at HH:MM in ZONE
//	weekly on DAY… at HH:MM in ZONE             mon tue wed thu fri sat sun
//	monthly on day N at HH:MM in ZONE
//	monthly on the last day at HH:MM in ZONE
//	monthly on the 1st|2nd|3rd|4th|5th|last DAY at HH:MM in ZONE
//	patch tuesday[ +Nd|-Nd] at HH:MM in ZONE
//
// where ZONE is a name such as Europe/Berlin, or "each zone" for the asset's own.
//
// # Vendors and assets
//
//	vendor feed fails|recovers
//	vendor marks PATCH end of life[ at TIME]
//	vendor withdraws PATCH
//	vendor removes PATCH
//	vendor takes down PATCH
//	vendor restores PATCH
//	vendor strips PATCH                         its signature is gone
//	vendor damages PATCH                        its bytes are others
//	vendor signs PATCH by NAME
//	vendor signs PATCH unreadably               in a form that nobody judges
//	vendor serves VERSION for PATCH
//
//	ASSET logs in|out
//	ASSET locks|unlocks
//	ASSET cannot|can tell who is logged in
//	ASSET answers later|now[ N times]           the next prompts, a minute after each, if somebody is there
//	ASSET user says later|now                   at once
//	ASSET crashes                               the agent
//	ASSET crashes before|after STEP[ of JOB]    once, at that commit
//	ASSET loses power before|after STEP[ of JOB]
//	ASSET reboots
//	ASSET reboots off for D
//	ASSET goes off
//	ASSET comes on
//	ASSET sleeps for D
//	reboot pending on ASSET                     its system asks for one, whoever caused it
//	ASSET ignores N reboots
//	ASSET network cut|back
//	ASSET loses the next N calls|answers        on their way
//	ASSET next N calls arrive twice
//	ASSET next N calls arrive D late
//	ASSET is sent a forged|expired|old|damaged|huge manifest
//	ASSET is sent a manifest of another asset
//	ASSET clock +D
//	ASSET clock -D
//	ASSET moves to ZONE                         its computer's time zone
//	ASSET loses its state                       the agent's
//	ASSET is reinstalled                        its agent: the state and what it had downloaded are gone; it enrols if it was removed
//	ASSET enrols again[ as NAME]                with a new key and without its state; without a name, under its own
//	ASSET is cloned as NAME                     a computer with a copy of its disk, which calls as the same asset, and has boots and a clock of its own
//	ASSET installer of PRODUCT fails[ N times]
//	ASSET installer of PRODUCT crashes the agent[ N times]
//	ASSET installer of PRODUCT lies
//	ASSET installer of PRODUCT asks for a reboot
//	ASSET installer of PRODUCT leaves the reboot mark
//	ASSET installer of PRODUCT is undone by a reboot
//	ASSET installer of PRODUCT works
//	ASSET download of PRODUCT fails with CODE
//	ASSET refuses PRODUCT: WHY…
//	ASSET inventory fails N times
//	ASSET action NAME exits N
//	ASSET takes D for inventory|download|install|action|boot
//	ASSET has PRODUCT VERSION                   somebody else installed it
//	ASSET waits for reboots by hand
//	ASSET is held to POLICY…                    a signer policy, or no policy
//	ASSET runs no|any|allowed actions           allowed, as at first: by its policy; any where it has none
//	ASSET does not say what it can do           in its calls, as an agent of an older release
//
// A STEP is a progress step or a result, such as Deploying or Completed, or what is to be carried out: inventory, download,
// preflight, install, action, prompt, reboot.
//
// # Expectations
//
// A copy goes by the name it was given. What the server shows is that of the asset which both call as.
//
//	expect …                                    one of these
//	expect ASSET JOB nothing|PROGRESS|RESULT|TooLate(STAGE)    by the asset's journal
//	expect ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]              the reason of the check of its file
//	expect ASSET JOB starts N
//	expect ASSET PRODUCT VERSION|nothing                        what is installed
//	expect ASSET reboots|prompts|countdowns|downloads|installs|refusals|starts|resumes N
//	expect ASSET prompt|countdown says TEXT…                    the last one, as the timeline has it
//	expect ASSET reboot|prompt|download|install|start between TIME and TIME       the last one
//	expect server ASSET JOB nothing|PROGRESS|RESULT|CANCEL[(STAGE)]
//	expect server ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]
//	expect server ASSET JOB action NAME exits N|nothing          nothing: it was not run
//	expect server failed installs N
//	expect server failures COUNT[ of asset A][ of patch P][ with code C][ from TIME][ to TIME]
//	expect server missing on ASSET PATCH…|nothing
//	expect server silent|behind|refusing|cloned|clock off|stuck|waiting for reboot|waiting for cancel ASSET…|nobody
//	expect verdict PATCH on ASSET REASON…
//	expect preview JOB on ASSET PATCH…[ not run|unsure]|reboot|nothing|not selected   reboot: for one that is pending; not run, or
//	                                                            unsure: the agent does not begin it, or only the agent knows
//	expect job JOB waits TEXT…                                  why one that runs after another has not started
//	expect refused TEXT…                                        by the server, the step above
//	expect feed healthy|failing|stale
//	expect feed rejected N                                      records of its last batch (CAT-16)
//	expect latency PATCH D                                      from the vendor's publishing to the listing
//	expect settled
package agentsim
