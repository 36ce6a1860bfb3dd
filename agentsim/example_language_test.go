package agentsim_test

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// The reference of the scenario language.
func ExampleLanguage() {
	fmt.Print(agentsim.Language())
	// Output:
	// A scenario has one step per line. A step may begin with a time: +3h15m or +2d
	// after the start of the clock, or an instant such as 2026-03-02T00:00:00Z.
	// Without one, it happens at the time of the step above. Durations are written
	// 90s, 15m, 3h15m or 2d12h. Text after # is a comment. A failure prints the
	// comment of its line, or else the nearest comment above it.
	//
	// In this reference, a|b means a or b, and what is in [ ] is optional. A word in
	// capitals stands for a value; followed by … it stands for the rest of the line or
	// clause.
	//
	//   D          a duration
	//   TIME       a time, as at the beginning of a step
	//   ZONE       a time zone such as Europe/Berlin, or "each zone" for the asset's own
	//   PLATFORM   linux (the default), windows or macos
	//   ARCHITECTURE
	//              amd64 (the default), arm64 or 386
	//   STEP       a progress step or a result such as Deploying or Completed, or one of
	//              inventory, download, preflight, install, action, prompt, reboot
	//
	// Patches that are published at the start are in the catalog at once. Later ones
	// are there after the next sync. A product is one title on one platform and
	// architecture: the same product name on another platform is another product. A
	// job is for one platform, on any architecture (JOB-7).
	//
	// LINES
	//
	//   clock INSTANT[, check-in every D][, sync every D][, lead D][, store seed N]
	//   patch ID: PRODUCT VERSION[, OPTION]…
	//   line PRODUCT PREFIX ends TIME[ extended until TIME]
	//   customer supplies PATCH
	//       the file of a patch with the option vendor
	//   asset ID[ in ZONE][ on PLATFORM[/ARCHITECTURE]][ tagged TAG…][ has PRODUCT VERSION[ on hold][, …]]
	//   job ID: CLAUSE[, CLAUSE]…
	//   edit ID: CLAUSE[, CLAUSE]…
	//       clauses that are left out keep their values
	//   policy NAME: CLAUSE[, CLAUSE]…
	//   enable|disable|delete|cancel|run JOB
	//   delete JOB by force
	//       even if enabled jobs run after it
	//   retry PATCH of JOB on ASSET
	//       after the job gave the patch up there
	//   remove ASSET
	//       its calls get a last, empty manifest; once it holds that, they are refused; what has begun goes on
	//   settle ASSET
	//       after it was cloned: only one computer calls as the asset again
	//   tag ASSET[ TAG…]
	//       replaces all its tags
	//   reboot pending on ASSET
	//       its system asks for a reboot, whoever caused it
	//   vulnerability CVE: FACT[, FACT]…
	//       what the vendor's feed says of it; from then on, the feed knows everything that is exploited (CAT-18)
	//   deadlines TABLE…
	//       bod-26-04, pci-dss or cyber-essentials; or: none (DUE-1)
	//   calendar NAME: CLAUSE[, CLAUSE]…
	//       the server has it from then on, and starts again (CAL-1)
	//   baseline NAME: CLAUSE[, CLAUSE]…
	//       the same (APR-1)
	//   stop|resume|abandon rollout of JOB
	//       (ROL-4)
	//   expedite rollout of JOB to RING
	//       (ROL-6)
	//   release reboot slot of ASSET in JOB
	//       (ROL-7)
	//   expose ASSET yes|no|unknown
	//       whether it can be reached from the public network (DUE-4)
	//   except CVE[ on ASSET] until TIME
	//       ends early if a patch appears, exploitation becomes known or the exposure changes (DUE-6)
	//   sync
	//       syncs the catalog at once
	//   server goes down
	//   server comes up
	//   server crashes
	//   server is put back to TIME
	//       it is restored from a backup made at that time
	//   server crashes before|after commit N
	//       the Nth commit from now that writes something; then it starts again, and administrators repeat what they did
	//   server rotates its manifest key[ and root keys]
	//       with a new version of the trust document; it starts again
	//   server refuses|answers ASSET
	//       the asset's calls; a refusal is authenticated
	//   server is under POLICY…
	//       it applies to orders made from then on; or: no policy
	//   vendor feed fails|recovers
	//   vendor marks PATCH end of life[ at TIME]
	//   vendor withdraws PATCH
	//   vendor removes PATCH
	//   vendor takes down PATCH
	//   vendor restores PATCH
	//   vendor strips PATCH
	//       its signature is gone
	//   vendor damages PATCH
	//       its bytes change
	//   vendor signs PATCH by NAME
	//   vendor signs PATCH unreadably
	//       in a format that no verifier reads
	//   vendor serves VERSION for PATCH
	//   try LINE…
	//       skipped if it cannot be done now: the server refuses, an asset is off, a patch is gone
	//   expect …
	//
	// SETTINGS of the clock line
	//
	//   clock …, check-in every D
	//   clock …, sync every D
	//   clock …, lead D
	//   clock …, store seed N
	//       makes the store repeat transactions
	//
	// OPTIONS of a patch
	//
	//   pinned
	//       one URL for this version alone; the default
	//   latest only
	//       one URL for all versions (CAT-6)
	//   repository
	//       the asset's own package manager downloads it
	//   vendor
	//       the customer supplies its file
	//   signed by NAME…
	//   carries a signature by NAME…
	//       within the file; the catalog does not say so
	//   no checksum
	//       without it: sha256
	//   checksum sha256|sha384|sha512|sha1|md5
	//   needs reboot
	//   on PLATFORM[/ARCHITECTURE]
	//   requires PATCH[ and a reboot]
	//   supersedes PATCH
	//   fixes CVE…
	//   severity low|medium|high|critical
	//   exploited
	//   class security|bugfix|feature|driver|definition
	//   transaction NAME
	//
	// FACTS about a vulnerability
	//
	//   known exploited since TIME
	//   not known exploited
	//   severity low|medium|high|critical
	//   automatable|not automatable
	//   total impact|no total impact
	//
	// CLAUSES of a job
	//
	//   patches ID…
	//   query but not CONDITION or …
	//   query[ CONDITION and …][ but not CONDITION or …]
	//   assets ID…
	//   without ID…
	//   tags T…
	//   all tags
	//   not tagged T…
	//   on demand
	//   on PLATFORM
	//   once at TIME
	//   once at LOCAL-TIME in ZONE
	//   daily, weekly, monthly, patch tuesday …: each at HH:MM in ZONE
	//   start spread D
	//   window D
	//   install limit D
	//   stuck after D
	//   defer N times for D
	//   prompt D
	//   countdown D
	//   reboots for a pending reboot
	//   no countdown
	//   suppress reboot
	//   strict lines
	//       an installed line past its end of life also blocks (CAT-11)
	//   known lines
	//       a version on no line of a product that has lines is blocked (CAT-11)
	//   legacy checksums
	//       SHA-1 and MD5 may carry trust (INT-7)
	//   no last call
	//       agents do not check in just before the start and the deploy stage (MAN-7)
	//   gives up after N failures
	//   late joiners
	//       assets that enrol or get the tag later also take part (JOB-26)
	//   early download
	//       files may be downloaded before the start (JOB-23)
	//   baseline NAME
	//       (APR-1)
	//   calendar NAME
	//       (CAL-1)
	//   reboot hours NAME
	//       (RBT-10)
	//   ring NAME[ tagged TAG][ takes N|N%][ soaks D][ wants N results][ of N%][ limit N|N%]
	//       rings in order; the last takes the rest (ROL-1, ROL-2)
	//   budget N|N%
	//       assets that may be at risk at once (ROL-3)
	//   silent after D
	//       an asset of the rollout that has not called for so long
	//   reboot slots N of TAG[ leased D]
	//       how many assets of the tag may be down for its reboots at once (ROL-7)
	//   first ACTION…
	//   last ACTION…
	//   after JOB per asset[ plus D]
	//   after JOB at N%[ plus D]
	//
	// CONDITIONS of a query (JOB-8)
	//
	//   product P…
	//   vendor V…
	//   channel C…
	//   class C…
	//   cve C…
	//   any cve
	//   severity S
	//   exploited
	//   needs reboot
	//
	// CLAUSES of a calendar
	//
	//   in ZONE
	//       of its openings
	//   open daily at HH:MM for D
	//   open weekly on DAY… at HH:MM for D
	//   closed from TIME to TIME
	//   override of freeze N until TIME
	//       closed periods are freeze 1, freeze 2 … (CAL-2)
	//
	// CLAUSES of a baseline
	//
	//   approve PATCH…
	//   deny PATCH…
	//   no bypass
	//       exploitation and deadlines shorten no delay (APR-3)
	//   everything[ CONDITION][ after N days]
	//       rules: the first that holds decides; CONDITION: class C, severity S, product P or exploited
	//   newest N days old[ or after N days]
	//       of everything: the newest version itself must be that old (APR-2)
	//
	// SCHEDULES that recur (JOB-9)
	//
	//   daily at HH:MM in ZONE
	//   weekly on DAY… at HH:MM in ZONE
	//       DAY: mon, tue, wed, thu, fri, sat or sun
	//   monthly on day N at HH:MM in ZONE
	//   monthly on the last day at HH:MM in ZONE
	//   monthly on the 1st|2nd|3rd|4th|5th|last DAY at HH:MM in ZONE
	//   patch tuesday[ +Nd|-Nd] at HH:MM in ZONE
	//
	// CLAUSES of a policy
	//
	//   actions NAME…
	//   PRODUCT unsigned
	//       PRODUCT * is every product that no other clause names
	//   PRODUCT signed by SIGNER…[ or unsigned]
	//
	// ACTIONS of an asset
	//
	//   ASSET logs in|out
	//   ASSET locks|unlocks
	//   ASSET cannot|can tell who is logged in
	//   ASSET answers later|now[ N times]
	//       answers the next prompts, one minute after each appears, if somebody is there
	//   ASSET user says later|now
	//       answers the prompt at once
	//   ASSET user wants the reboot at TIME
	//       answers the prompt at once (RBT-10)
	//   ASSET crashes
	//       its agent crashes
	//   ASSET crashes before|after STEP[ of JOB]
	//       its agent crashes once, at that commit
	//   ASSET loses power before|after STEP[ of JOB]
	//   ASSET reboots
	//   ASSET reboots off for D
	//   ASSET goes off
	//   ASSET comes on
	//   ASSET sleeps for D
	//   ASSET ignores N reboots
	//   ASSET network cut|back
	//       the asset's network
	//   ASSET loses the next N calls|answers
	//       they are lost on the way
	//   ASSET next N calls arrive twice
	//   ASSET next N calls arrive D late
	//   ASSET is sent a forged|expired|old|damaged|huge manifest
	//   ASSET is sent a manifest of another asset
	//   ASSET clock +D
	//   ASSET clock -D
	//   ASSET moves to ZONE
	//       its computer's time zone
	//   ASSET loses its state
	//       its agent's state is gone
	//   ASSET is reinstalled
	//       its agent's state and downloads are gone; it enrols if the asset was removed
	//   ASSET enrols again[ as NAME]
	//       with a new key and without its state; NAME: by default its own name
	//   ASSET is cloned as NAME
	//       another computer starts with a copy of its disk; it has its own boots and clock, and calls as the same asset
	//   ASSET installer of PRODUCT fails[ N times]
	//   ASSET installer of PRODUCT crashes the agent[ N times]
	//   ASSET installer of PRODUCT lies
	//       it reports success and changes nothing
	//   ASSET installer of PRODUCT asks for a reboot
	//   ASSET installer of PRODUCT leaves the reboot mark
	//   ASSET installer of PRODUCT is undone by a reboot
	//   ASSET installer of PRODUCT works
	//   ASSET download of PRODUCT fails with CODE
	//   ASSET refuses PRODUCT: WHY…
	//   ASSET inventory fails N times
	//   ASSET action NAME exits N
	//   ASSET takes D for inventory|download|install|action|boot
	//   ASSET has PRODUCT VERSION
	//       somebody else installed it
	//   ASSET waits for reboots by hand
	//   ASSET runs no|any|allowed actions
	//       allowed (the default): those that its policy allows, or any if it has no policy
	//   ASSET does not say what it can do
	//       in its calls, like an agent of an older release
	//   ASSET is held to POLICY…
	//       a signer policy, or no policy
	//
	// EXPECTATIONS
	//
	//   expect settled
	//       nothing is under way, and server and journals agree
	//   expect due CVE on ASSET gone|open[ by TIME]|dueSoon[ by TIME]|overdue because CAUSE|excepted
	//       (DUE-5)
	//   expect N overdue[ because CAUSE]
	//       vulnerabilities on assets; a cause is one of notReached, noPatch, pendingReboot, failed, cancelled, heldBack, noWindow, noJob
	//   expect why PATCH|CVE on ASSET TEXT…
	//       a part of what explains why it is not installed yet (RPT-3)
	//   expect earliest PATCH|CVE on ASSET TIME|never
	//       when its install can begin as things stand
	//   expect rollout of JOB running|stopped|done|abandoned
	//       of its newest run (ROL-1)
	//   expect at risk N of JOB
	//       assets, as its rollout counts them (ROL-3)
	//   expect gate of JOB TEXT…
	//       a part of its answer and the reason (ROL-2)
	//   expect ring RING of JOB N waiting|granted|begun|silent|verified|failed|lost|accepted|left
	//   expect reboot slots of JOB ASSET…|nobody
	//       who has one (ROL-7)
	//   expect feed healthy|failing|stale
	//   expect feed rejected N
	//       how many records of its last batch were rejected (CAT-16)
	//   expect latency PATCH D
	//       from its publication by the vendor to its listing in the catalog
	//   expect verdict PATCH on ASSET REASON…
	//   expect preview JOB on ASSET PATCH…[ not run|unsure]|reboot|nothing|not selected
	//       reboot: it reboots for a pending reboot; not run: the agent would not begin it; unsure: only the agent can decide
	//   expect server silent|behind|refusing|cloned|clock off|stuck|waiting for reboot|waiting for cancel ASSET…|nobody
	//   expect server failed installs N
	//   expect server failures COUNT[ of asset A][ of patch P][ with code C][ from TIME][ to TIME]
	//   expect server missing on ASSET PATCH…|nothing
	//   expect server ASSET JOB action NAME exits N|nothing
	//       nothing: it did not run
	//   expect server ASSET JOB nothing|PROGRESS|RESULT|CANCEL[(STAGE)]
	//   expect server ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]
	//   expect ASSET reboots|prompts|countdowns|downloads|installs|refusals|starts|resumes N
	//   expect ASSET prompt|countdown says TEXT…
	//       the last one shown, in the words of the timeline
	//   expect ASSET reboot|prompt|download|install|start between TIME and TIME
	//       when the last one happened
	//   expect ASSET PRODUCT VERSION|nothing
	//       what is installed
	//   expect ASSET JOB starts N
	//   expect ASSET JOB nothing|PROGRESS|RESULT|TooLate(STAGE)
	//       by the asset's journal
	//   expect ASSET JOB PATCH STATUS[ CODE][ RULE][ REASON]
	//       REASON: of the check of its file
	//   expect job JOB waits TEXT…
	//       why a job that runs after another has not started
	//   expect refused TEXT…
	//       the server refused the line above
	//
	// The copy of a cloned asset has its own name in a scenario. The server knows only
	// the asset that both computers call as.
}
