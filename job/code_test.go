package job

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Codes that people read in JSON have their names beside them; nothing else of it changes.
func TestNameCodes_JOB16(t *testing.T) {
	for in, want := range map[string]string{
		`{"code":11}`:                             `{"code":11,"codeName":"FileSignatureFailed"}`,
		`{"a":{"code": 8},"b":[{"code":200}]}`:    `{"a":{"code": 8,"codeName": "Cancelled"},"b":[{"code":200,"codeName":"code(200)"}]}`,
		"{\n  \"code\": 15\n}":                    "{\n  \"code\": 15,\n  \"codeName\": \"Failed\"\n}",
		`{"code":0}`:                              `{"code":0}`,
		`{"code":"Held","text":"\"code\":11 \\"}`: `{"code":"Held","text":"\"code\":11 \\"}`,
		`{"code":3000}`:                           `{"code":3000}`,
	} {
		got := NameCodes([]byte(in))
		require.Equal(t, want, string(got))
		require.True(t, json.Valid(got))
	}
}
