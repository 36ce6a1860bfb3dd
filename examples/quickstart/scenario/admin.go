package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// admin is the administrator, who talks to the server over HTTP as the server's
// own commands do.
type admin struct{ adminhttp.Client }

// sync has the server fetch its feeds now.
func (a admin) sync(ctx context.Context) error {
	var changes catalog.Changes
	err := a.Do(ctx, http.MethodPost, "sync", nil, nil, &changes)
	if err == nil && len(changes.Failed)+len(changes.Rejected) > 0 {
		return fmt.Errorf("the server does not take the vendor's list: failed %v, rejected %v", changes.Failed, changes.Rejected)
	}
	return err
}

// token makes an enrolment token for that many assets.
func (a admin) token(ctx context.Context, uses int) (string, error) {
	var made adminhttp.MadeToken
	err := a.Do(ctx, http.MethodPost, "tokens", nil, adminhttp.NewToken{Name: "quickstart", Uses: uses}, &made)
	return made.Secret, err
}

func (a admin) assets(ctx context.Context) (list []controller.AssetStatus, err error) {
	return list, a.Do(ctx, http.MethodGet, "assets", nil, nil, &list)
}

func (a admin) runAssets(ctx context.Context, run job.RunID) (list []controller.RunAsset, err error) {
	return list, a.Do(ctx, http.MethodGet, "runs/"+url.PathEscape(string(run))+"/assets", nil, nil, &list)
}

// begin saves a job and enables it.
func (a admin) begin(ctx context.Context, d job.Definition) (job.RunID, error) {
	text, err := adminhttp.FormatDefinition(d)
	if err != nil {
		return "", err
	}
	path := "jobs/" + url.PathEscape(string(d.ID))
	if err := a.Do(ctx, http.MethodPut, path, nil, json.RawMessage(text), nil); err != nil {
		return "", err
	}
	var enabled adminhttp.Enabled
	err = a.Do(ctx, http.MethodPost, path+"/enable", nil, nil, &enabled)
	return enabled.Run, err
}

// attempt is the server's first answer to a cancel.
type attempt struct {
	refused string // why; empty: accepted
	asset   controller.AssetCancel
}

func (a attempt) String() string {
	if a.refused != "" {
		return "refused: " + a.refused
	}
	return "accepted, " + a.asset.State.String()
}

// cancel cancels a job that has one asset.
func (a admin) cancel(ctx context.Context, id job.ID) (try attempt, err error) {
	var report controller.CancelReport
	err = a.Do(ctx, http.MethodPost, "jobs/"+url.PathEscape(string(id))+"/cancel", nil, nil, &report)
	if refusal, ok := errors.AsType[*adminhttp.Error](err); ok && refusal.Report != nil {
		try.refused, report, err = refusal.Text, *refusal.Report, nil
	}
	if len(report.Assets) > 0 {
		try.asset = report.Assets[0]
	}
	return try, err
}
