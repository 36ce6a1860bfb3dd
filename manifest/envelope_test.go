package manifest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The quick way and encoding/json agree: on what is written, and on what is read.
func FuzzEnvelope(f *testing.F) {
	f.Add(PayloadType, []byte(`{"format":1}`), "sha256:00ff", []byte("signature"))
	f.Add("", []byte{}, "", []byte{0})
	f.Add(`a","payload":"AA==`, []byte{1}, `b","sig":"`, []byte{2})
	f.Add("<é\x00>", []byte(nil), "\xff", []byte(nil))
	f.Add("x", []byte(`","signatures":[{"keyid":"`), `"}]}`, []byte(`"}]}`))
	f.Fuzz(func(t *testing.T, kind string, payload []byte, key string, sig []byte) {
		e := envelope{kind, payload, [1]signature{{key, sig}}}
		want, err := json.Marshal(e)
		require.NoError(t, err)
		got, err := e.encode()
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
		parsed, ok := parseEnvelope(got)
		if !ok {
			require.False(t, plain([]byte(kind)) && plain([]byte(key)) && payload != nil && sig != nil)
			return
		}
		require.True(t, bytes.Equal(payload, parsed.Payload) && bytes.Equal(sig, parsed.Signatures[0].Sig))
		require.Equal(t, kind, parsed.PayloadType)
		require.Equal(t, key, parsed.Signatures[0].KeyID)
	})
}

// Whatever bytes come: what is read quickly is what encoding/json reads, and what it would write.
func FuzzParseEnvelope(f *testing.F) {
	good, err := envelope{PayloadType, []byte(`{"format":1}`), [1]signature{{"sha256:00ff", []byte("signature")}}}.encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(strings.Replace(string(good), `"payload":"`, `"payload":"\n`, 1)))
	f.Add(append(good[:len(good):len(good)], ' '))
	f.Add([]byte(strings.Replace(string(good), `"sig":"`, `"sig":"","sig":"`, 1)))
	f.Add([]byte(`{"payloadType":"","payload":"AB==","signatures":[{"keyid":"","sig":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, ok := parseEnvelope(data)
		if !ok {
			return
		}
		var slow envelope
		require.NoError(t, json.Unmarshal(data, &slow))
		require.Equal(t, slow, e)
		again, err := json.Marshal(slow)
		require.NoError(t, err)
		require.Equal(t, string(again), string(data))
	})
}

func TestUnusualBase64IsNotReadQuickly(t *testing.T) {
	for text, want := range map[string]bool{"": true, "AA==": true, "AAA=": true, "AB==": false, "AA=\n=": false, "AA": false, "A\nA==": false, "AA==AA==": false, "A?==": false} {
		_, ok := unbase64([]byte(text))
		require.Equal(t, want, ok, "%q", text)
	}
}
