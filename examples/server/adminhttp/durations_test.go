package adminhttp

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// Every duration of a job may be a text in its file.
func TestEveryDurationMayBeAText(t *testing.T) {
	var visit func(at reflect.Type)
	visit = func(at reflect.Type) {
		switch at.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(at.Elem())
		case reflect.Struct:
			for f := range at.Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if f.Type == reflect.TypeFor[time.Duration]() {
					require.Contains(t, durations, name, "%v", at)
				} else if f.IsExported() {
					visit(f.Type)
				}
			}
		}
	}
	visit(reflect.TypeFor[job.Definition]())
}
