// Package adminhttp is the example server's administration over HTTP: a
// handler over a controller, and its client.
//
// Every request carries "Authorization: Bearer TOKEN". Bodies and answers are
// JSON; unknown members and parameters are refused. An error is
// {"error": text, "problems"?: [{field, value, text}], "report"?: the report of
// a refused cancel}, with
//
//	400  the request cannot be understood
//	401  the token is missing or wrong
//	404  no such thing
//	409  a cancel comes too late, enabled jobs run after the job to delete, or a rollout refuses the act
//	413  too large
//	422  understood and not valid
//	500  the server's own trouble; its log has the details
//	503  the server is stopping
//
// The routes, below [Prefix]:
//
//	POST   tokens                  {name, uses, tags, names, expires} → {secret, token}; the only answer with the secret
//	GET    tokens                  DELETE tokens/{id}
//	GET    assets?after&limit      GET assets/{id}   DELETE assets/{id}
//	GET    assets/{id}/inventory   PUT assets/{id}/tags [tag…]
//	GET    assets/{id}/why/{about}   why a patch, or the fix of a vulnerability, is not installed yet (RPT-3)
//	PUT    assets/{id}/exposed     "yes", "no" or "": whether it can be reached from the public network (DUE-4)
//	POST   assets/{id}/settle      ends the state "cloned" (MAN-9)
//	POST   assets/{id}/acknowledge   clears what was odd about it
//	GET    patches?product&after&limit   the catalog
//	GET    catalog?text&after&limit      the patches with a text in their ids, names or CVE ids
//	GET    catalog/{id}            a patch, product or vulnerability, with what belongs to it
//	GET    jobs?after&limit        GET jobs/{id}
//	PUT    jobs/{id}               a definition → the definition as saved
//	DELETE jobs/{id}?force         force=true: even if enabled jobs run after it
//	POST   check                   a definition → findings: deadlines that it can miss, and by what chain (DUE-7)
//	POST   jobs/{id}/enable        → {run, outlook}
//	POST   jobs/{id}/disable
//	POST   jobs/{id}/run           → {run}, which starts now
//	POST   jobs/{id}/cancel        → a cancel report
//	GET    jobs/{id}/outlook       assets, next start in each zone, warnings
//	GET    jobs/{id}/preview?asset on one asset; without one, counts over all selected assets
//	GET    jobs/{id}/runs?after&limit
//	GET    jobs/{id}/given-up?limit
//	POST   jobs/{id}/retry?asset&patch   tries again what the job gave up (JOB-27)
//	GET    runs/{id}               GET runs/{id}/assets?after&limit   POST runs/{id}/cancel
//	GET    runs/{id}/rollout       POST runs/{id}/rollout {act, ring, reason}: stop, resume, expedite or abandon it (ROL-4, ROL-6)
//	GET    reports/failed-installs → {failedInstalls} (RPT-1)
//	GET    reports/failures?from&to&asset&patch&code&limit&page (RPT-2)
//	GET    reports/missing?asset&patch&cve&severity&exploited   on one asset; without one, counts over all (RPT-3)
//	GET    reports/due?asset       by when vulnerabilities must be gone and why they are not; without an asset, counts over all (DUE-5)
//	GET    exceptions?limit        PUT exceptions {cve, asset, owner, reason, until, …}   DELETE exceptions/{cve}?asset (DUE-6)
//	PUT    evidence                {cve, asset, owner, waived, reason}: what a deadline wants to be known is collected or waived (DUE-1)
//	GET    reports/changes?since&limit   what the catalog listed, lost and, since the server was started, changed, newest first
//	GET    reports/eol?days&limit  version lines that have ended or end within some days (CAT-11)
//	GET    reports/{reboots,cancels,silent,cloned,stuck}?limit (RPT-3)
//	GET    reports/feeds           GET reports/unreachable (CAT-10)
//	GET    reports/events?before=&limit=  what administrators did, newest first; the header Patchpolicy-User says who asks
//	GET    custom-urls             PUT custom-urls [{patch, artifact, url}…]; an empty url removes it (CAT-5)
//	POST   sync?accept-older=FEED  fetches every feed now → the changes, and warnings; accepts older data from the feed named (CAT-2)
//	GET    sync                    what the sync that runs does
//
// In a definition a duration is a number of nanoseconds or a text like "1h30m".
package adminhttp
