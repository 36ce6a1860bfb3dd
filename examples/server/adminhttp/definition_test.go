package adminhttp

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// fill sets each field of a value to something, by reflection. Texts look like
// members with a duration.
func fill(t *testing.T, rng *rand.Rand, v reflect.Value, path string) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(rng.Int64N(1<<32), 0).UTC()
		return
	case *time.Duration:
		*x = time.Duration(rng.Int64N(1 << 50))
		if rng.IntN(2) == 0 {
			*x = time.Duration(rng.Int64N(1000)) * time.Minute
		}
		if rng.IntN(8) == 0 {
			*x = -*x
		}
		return
	case *schedule.LocalTime:
		local, err := schedule.ParseLocalTime(fmt.Sprintf("2027-%02d-%02dT%02d:%02d", 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60)))
		require.NoError(t, err)
		*x = local
		return
	case *schedule.TimeOfDay:
		*x = schedule.Clock(rng.IntN(24), rng.IntN(60))
		return
	case *schedule.Weekdays:
		*x = schedule.WeekdaysOf(schedule.Weekday(1+rng.IntN(7)), schedule.Weekday(1+rng.IntN(7)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, rng, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, rng, v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, rng, v.Index(i), path)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("\"window\": %d <&> \\\"timeout\": 5 é\u202e\U000e0001", rng.IntN(100)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8: // all are enumerations
		v.SetUint(uint64(1 + rng.IntN(2)))
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + rng.Int64N(1<<53))
	case reflect.Uint64:
		v.SetUint(1 + rng.Uint64N(1<<60))
	default:
		t.Fatalf("%s is a %v", path, v.Type())
	}
}

// Whatever a definition holds, its file holds as well.
func TestFileHoldsEveryField(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var d job.Definition
		fill(t, rng, reflect.ValueOf(&d).Elem(), "definition")
		data, err := FormatDefinition(d)
		require.NoError(t, err)
		require.True(t, json.Valid(data))
		again, err := ParseDefinition(data)
		require.NoError(t, err, "%s", data)
		d.State, d.Revision = 0, 0
		require.Equal(t, d, again, "%s", data)
	}
}
