package adminhttp_test

import (
	"encoding"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

var camel = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)

// Every member of every answer has a name of one style: camelCase, and none is
// the name of a Go field.
func TestNamesInJSON(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(typ reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		own := reflect.PointerTo(typ).Implements(reflect.TypeFor[json.Marshaler]()) || reflect.PointerTo(typ).Implements(reflect.TypeFor[encoding.TextMarshaler]())
		if typ.Kind() != reflect.Struct || own || seen[typ] {
			return
		}
		seen[typ] = true
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.IsExported() && name != "-" && !(f.Anonymous && name == "") {
				require.Regexp(t, camel, name, "%v.%s", typ, f.Name)
			}
			if name != "-" && (f.IsExported() || f.Anonymous) {
				look(f.Type)
			}
		}
	}
	for _, answer := range []any{
		adminhttp.Synced{}, adminhttp.MadeToken{}, adminhttp.Enabled{}, adminhttp.Preview{}, adminhttp.FailedInstalls{}, adminhttp.Shown{}, adminhttp.CatalogChange{},
		adminhttp.EndOfLife{}, adminhttp.SyncState{}, adminhttp.Error{}, controller.AssetStatus{}, controller.JobStatus{}, controller.RunStatus{}, controller.RunAsset{},
		controller.CancelReport{}, controller.Outlook{}, controller.FleetPreview{}, controller.FleetMissing{}, controller.FeedStatus{}, controller.Unreachable{},
		controller.GivenUp{}, controller.Open{}, controller.StuckOrder{}, controller.Event{}, controller.FailurePage{}, controller.Token{}, ledger.Failure{},
		catalog.Verdict{}, catalog.Patch{}, catalog.CustomURL{}, job.Definition{},
	} {
		look(reflect.TypeOf(answer))
	}
	require.Greater(t, len(seen), 40)
}
