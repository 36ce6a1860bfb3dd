// Package adminhttp is the example server's administration over HTTP: a handler over a controller, and its client.
//
// Every request carries "Authorization: Bearer TOKEN". Bodies and answers are JSON; unknown members and parameters are
// refused. An error is {"error": text, "problems"?: [{field, value, text}], "report"?: what a refused cancel tells}, with
//
//	400 the request cannot be understood   401 no or a wrong token   404 no such thing   409 a cancel comes too late, or jobs run after one that is to be deleted
//	413 too large   422 understood and not valid   500 the server's own trouble, told in its log   503 it is stopping
//
// The routes, below Prefix:
//
//	POST   tokens                       {name, uses, tags, names, expires} → {secret, token}; the secret is told once
//	GET    tokens                       DELETE tokens/{id}
//	GET    assets?after&limit           GET assets/{id}   PUT assets/{id}/tags [tag…]   DELETE assets/{id}
//	POST   assets/{id}/settle           though several computers called as it (MAN-9)
//	PUT    jobs/{id}                    a definition → the definition as saved
//	GET    jobs?after&limit             GET jobs/{id}     DELETE jobs/{id}?force=true, though enabled jobs run after it
//	POST   jobs/{id}/enable             → {run}           POST jobs/{id}/disable
//	POST   jobs/{id}/run                → {run}, which starts now
//	GET    jobs/{id}/given-up?limit     POST jobs/{id}/retry?asset&patch, which tries a given-up patch again (JOB-27)
//	POST   jobs/{id}/cancel             → a cancel report
//	GET    jobs/{id}/runs?after&limit   GET jobs/{id}/preview?asset
//	GET    runs/{id}                    GET runs/{id}/assets?after&limit   POST runs/{id}/cancel
//	GET    reports/failed-installs      → {failedInstalls} (RPT-1)
//	GET    reports/failures?from&to&asset&patch&code&limit&page (RPT-2)
//	GET    reports/missing?asset        GET reports/{reboots,cancels,silent,cloned}?limit   GET reports/feeds (RPT-3)
//	GET    reports/unreachable          URLs that the last probes could not reach (CAT-10)
//	GET    custom-urls                  PUT custom-urls [{patch, artifact, url}…], an empty url takes it back (CAT-5)
//	POST   sync?accept-older=FEED       fetches every feed now → the changes; of the feed named, older data is taken too (CAT-2)
//
// In a definition a duration is a number of nanoseconds or a text as "1h30m".
package adminhttp
