package adminhttp

import (
	"fmt"
	"net/http"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// useCase returns the answer, as JSON; nil: there is none.
type useCase = func(*http.Request) (any, error)

// routes are the calls, each with the parameters that are allowed.
func (h handler) routes() map[string]useCase {
	c := h.Controller
	return map[string]useCase{
		"POST tokens": reading(h.makeToken),
		"GET tokens":  func(r *http.Request) (any, error) { return list(c.Tokens(r.Context())) },
		"DELETE tokens/{id}": func(r *http.Request) (any, error) {
			return nil, c.RemoveToken(r.Context(), r.PathValue("id"), time.Now())
		},
		"GET assets?after&limit": paged(func(r *http.Request, after string, n int) (any, error) {
			return list(c.Assets(r.Context(), job.AssetID(after), n, time.Now()))
		}),
		"GET assets/{id}": func(r *http.Request) (any, error) { return c.Asset(r.Context(), asset(r), time.Now()) },
		"GET assets/{id}/why/{about}": func(r *http.Request) (any, error) {
			return c.Why(r.Context(), asset(r), r.PathValue("about"), time.Now())
		},
		"GET assets/{id}/inventory": func(r *http.Request) (any, error) { return c.Inventory(r.Context(), asset(r)) },
		"PUT assets/{id}/tags": reading(func(r *http.Request, tags []string) (any, error) {
			return nil, c.TagAsset(r.Context(), asset(r), tags, time.Now())
		}),
		"PUT assets/{id}/exposed": reading(func(r *http.Request, exposed catalog.Answer) (any, error) {
			return nil, c.ExposeAsset(r.Context(), asset(r), exposed, time.Now())
		}),
		"POST assets/{id}/acknowledge": func(r *http.Request) (any, error) {
			return nil, c.AcknowledgeAnomalies(r.Context(), asset(r), time.Now())
		},
		"POST assets/{id}/settle":         func(r *http.Request) (any, error) { return nil, c.SettleClone(r.Context(), asset(r), time.Now()) },
		"DELETE assets/{id}":              func(r *http.Request) (any, error) { return nil, c.RemoveAsset(r.Context(), asset(r), time.Now()) },
		"GET patches?product&after&limit": paged(h.patches),
		"GET catalog?text&after&limit":    paged(h.search),
		"GET catalog/{id}":                h.shown,
		"GET reports/changes?since&limit": paged(h.changes),
		"GET reports/eol?days&limit":      paged(h.ending),
		"GET jobs?after&limit": paged(func(r *http.Request, after string, n int) (any, error) {
			return list(c.Jobs(r.Context(), job.ID(after), n))
		}),
		"POST check":             h.checkJob,
		"GET jobs/{id}":          func(r *http.Request) (any, error) { return c.Job(r.Context(), jobID(r)) },
		"PUT jobs/{id}":          h.changing(h.saveJob),
		"DELETE jobs/{id}?force": h.changing(h.deleteJob),
		"POST jobs/{id}/enable":  h.changing(h.enableJob),
		"POST jobs/{id}/run": h.changing(func(r *http.Request) (any, error) {
			run, err := c.RunJob(r.Context(), jobID(r), time.Now())
			return Enabled{Run: run}, err
		}),
		"POST jobs/{id}/disable": h.changing(func(r *http.Request) (any, error) { return nil, c.DisableJob(r.Context(), jobID(r), time.Now()) }),
		"GET jobs/{id}/given-up?limit": paged(func(r *http.Request, _ string, n int) (any, error) {
			return c.GivenUp(r.Context(), jobID(r), n)
		}),
		"POST jobs/{id}/retry?asset&patch": func(r *http.Request) (any, error) {
			q := r.URL.Query()
			return nil, c.RetryPatch(r.Context(), jobID(r), job.AssetID(q.Get("asset")), catalog.PatchID(q.Get("patch")), time.Now())
		},
		"POST jobs/{id}/cancel": func(r *http.Request) (any, error) { return cancelled(c.CancelJob(r.Context(), jobID(r), time.Now())) },
		"GET jobs/{id}/slots":   func(r *http.Request) (any, error) { return c.Slots(r.Context(), jobID(r), time.Now()) },
		"POST jobs/{id}/slots/{asset}/free": reading(func(r *http.Request, in SlotFreed) (any, error) {
			return nil, c.FreeSlot(r.Context(), jobID(r), job.AssetID(r.PathValue("asset")), in.Reason, time.Now())
		}),
		"GET jobs/{id}/outlook":       func(r *http.Request) (any, error) { return c.Outlook(r.Context(), jobID(r), time.Now()) },
		"GET jobs/{id}/preview?asset": h.preview,
		"GET jobs/{id}/runs?after&limit": paged(func(r *http.Request, after string, n int) (any, error) {
			return list(c.Runs(r.Context(), jobID(r), job.RunID(after), n))
		}),
		"GET runs/{id}": func(r *http.Request) (any, error) { return c.Run(r.Context(), runID(r)) },
		"GET runs/{id}/assets?after&limit": paged(func(r *http.Request, after string, n int) (any, error) {
			return list(c.RunAssets(r.Context(), runID(r), job.AssetID(after), n))
		}),
		"GET runs/{id}/rollout": func(r *http.Request) (any, error) { return c.Rollout(r.Context(), runID(r), time.Now()) },
		"POST runs/{id}/rollout": h.changing(reading(func(r *http.Request, a RolloutAct) (any, error) {
			switch now := time.Now(); a.Act {
			case "stop":
				return nil, c.StopRollout(r.Context(), runID(r), a.Reason, now)
			case "resume":
				return nil, c.ResumeRollout(r.Context(), runID(r), a.Reason, now)
			case "expedite":
				return nil, c.ExpediteRollout(r.Context(), runID(r), a.Ring, a.Reason, now)
			case "abandon":
				return nil, c.AbandonRollout(r.Context(), runID(r), a.Reason, now)
			}
			return nil, badRequest{fmt.Errorf("act %.40q is none of stop, resume, expedite and abandon", a.Act)}
		})),
		"POST runs/{id}/cancel": func(r *http.Request) (any, error) { return cancelled(c.CancelRun(r.Context(), runID(r), time.Now())) },
		"GET reports/failed-installs": func(r *http.Request) (any, error) {
			n, err := c.FailedInstalls(r.Context())
			return FailedInstalls{n}, err
		},
		"GET reports/failures?from&to&asset&patch&code&limit&page": paged(h.failures),
		"GET reports/missing?asset&patch&cve&severity&exploited":   h.missing,
		"GET reports/reboots?limit":                                paged(func(r *http.Request, _ string, n int) (any, error) { return c.PendingReboots(r.Context(), n) }),
		"GET reports/cancels?limit":                                paged(func(r *http.Request, _ string, n int) (any, error) { return c.PendingCancels(r.Context(), n) }),
		"GET reports/cloned?limit":                                 paged(func(r *http.Request, _ string, n int) (any, error) { return c.Cloned(r.Context(), n, time.Now()) }),
		"GET reports/silent?limit":                                 paged(func(r *http.Request, _ string, n int) (any, error) { return c.Silent(r.Context(), n, time.Now()) }),
		"GET reports/stuck?limit":                                  paged(func(r *http.Request, _ string, n int) (any, error) { return c.Stuck(r.Context(), n, time.Now()) }),
		"GET reports/events?before&limit":                          paged(h.events),
		"GET reports/due?asset": func(r *http.Request) (any, error) {
			if id := job.AssetID(r.URL.Query().Get("asset")); id != "" {
				return c.Due(r.Context(), id, time.Now())
			}
			return c.DueFleet(r.Context(), time.Now())
		},
		"GET exceptions?limit": paged(func(r *http.Request, _ string, n int) (any, error) { return c.Exceptions(r.Context(), n) }),
		"PUT exceptions": reading(func(r *http.Request, e controller.Excepted) (any, error) {
			return nil, c.Except(r.Context(), e, time.Now())
		}),
		"PUT evidence": reading(func(r *http.Request, e controller.Evidence) (any, error) {
			return nil, c.MarkEvidence(r.Context(), e, time.Now())
		}),
		"DELETE exceptions/{about}?asset": func(r *http.Request) (any, error) {
			return nil, c.EndException(r.Context(), r.PathValue("about"), job.AssetID(r.URL.Query().Get("asset")), time.Now())
		},
		"GET reports/feeds":       func(r *http.Request) (any, error) { return c.Feeds(r.Context(), time.Now()) },
		"GET reports/unreachable": func(r *http.Request) (any, error) { return c.Unreachable(r.Context()) },
		"GET custom-urls":         func(r *http.Request) (any, error) { return list(c.CustomURLs(r.Context())) },
		"PUT custom-urls": reading(func(r *http.Request, urls []catalog.CustomURL) (any, error) {
			return nil, c.SetCustomURLs(r.Context(), urls, time.Now())
		}),
		"GET sync": func(*http.Request) (any, error) { return SyncState{h.Syncing()}, nil },
		"POST sync?accept-older": func(r *http.Request) (any, error) {
			return h.Sync(r.Context(), catalog.FeedID(r.URL.Query().Get("accept-older")))
		},
	}
}
