package strictjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[{"b":1},{"b":2}],"c":"a"}`: "",
		` 7 `:                             "",
		`{"a":1e999}`:                     "", // numbers are not checked
		`{"a":1,"b":{"a":1}}`:             "",
		``:                                "line 1: it is empty",
		`{"a":[1`:                         "line 1: it ends too early",
		`{"a":1}{}`:                       "something follows",
		`{"a":1}x`:                        "something follows",
		"{\n\"a\":1,\n\"a\":1}":           `line 3: field "a" is there twice`,
		`{"a":1,"A":1}`:                   `field "A" is there twice`,
		`{"s":1,"ſ":1}`:                   `field "ſ" is there twice`,
		`{"s":1,"\u017f":1}`:              `is there twice`,
		`{"k":1,"K":1}`:                   `is there twice`, // the sign of kelvin
		`[{"a":{"b":1,"b":1}}]`:           `field "b" is there twice`,
		`[null]`:                          "a value is null",
		`null`:                            "a value is null",
		`{"a":}`:                          "invalid character",
	} {
		err := Check([]byte(text), false)
		if want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want, text)
		}
	}
	require.NoError(t, Check([]byte(strings.Repeat("[", maxDepth)+strings.Repeat("]", maxDepth)), false))
	require.ErrorContains(t, Check([]byte(strings.Repeat("[", maxDepth+2)), false), "nested over 1000 deep")
	require.NoError(t, Check([]byte(`{"a":null,"b":[null]}`), true))
	require.Error(t, Check([]byte(`{"a":null,"a":1}`), true))
	require.ErrorContains(t, Check([]byte(`{"`+strings.Repeat("x", 200)+`":1,"`+strings.Repeat("x", 200)+`":1}`), true), "…")
}

// What passes has one meaning: encoding/json writes it as something that passes
// again.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":1},{"b":2}],"c":null}`))
	f.Add([]byte(`{"a":1,"A":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if Check(data, true) != nil {
			return
		}
		var v any
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		require.NoError(t, d.Decode(&v))
		again, err := json.Marshal(v)
		require.NoError(t, err)
		require.NoError(t, Check(again, true))
	})
}
