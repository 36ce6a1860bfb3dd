package agenthttp

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// The routes, relative to the server's base URL.
const (
	PathEnrol    = "/v1/agent/enrol"
	PathCheckIn  = "/v1/agent/check-in"
	PathManifest = "/v1/agent/manifest"
)

// The headers.
const (
	HeaderAsset        = "Patchpolicy-Asset"        // request: who signs
	HeaderTime         = "Patchpolicy-Time"         // request: when, RFC 3339; answer 304: the server's clock
	HeaderSignature    = "Patchpolicy-Signature"    // request: base64
	HeaderAcknowledged = "Patchpolicy-Acknowledged" // answer 304: Answer.Acknowledged
)

const (
	mediaJSON    = "application/json"
	mediaProblem = "application/problem+json"
)

// etag is how a held revision stands in If-None-Match.
func etag(r manifest.Revision) string { return `"` + strconv.FormatUint(uint64(r), 10) + `"` }

// formatTime writes an instant for a header or a query.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseTime reads what formatTime wrote and nothing else.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || formatTime(t) != s {
		return time.Time{}, fmt.Errorf("%.64q is not a time in UTC such as 2026-01-31T12:00:00Z", s)
	}
	return t.UTC(), nil
}

// query writes the facts of a check-in that carries neither reports nor an inventory.
func query(in manifest.CheckIn) string {
	v := url.Values{
		"held": {strconv.FormatUint(uint64(in.Held), 10)},
		"at":   {formatTime(in.At)},
	}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("boot", in.Boot)
	set("zone", in.Zone)
	set("digest", in.Digest)
	if in.Made != 0 {
		set("made", strconv.FormatUint(uint64(in.Made), 10))
	}
	if in.Offset != 0 {
		set("offset", strconv.FormatInt(int64(in.Offset), 10))
	}
	if in.LastCall {
		set("lastCall", "true")
	}
	return v.Encode()
}

// parseQuery reads what query wrote.
func parseQuery(asset job.AssetID, raw string) (manifest.CheckIn, error) {
	in := manifest.CheckIn{Asset: asset}
	v, err := url.ParseQuery(raw)
	if err != nil {
		return in, fmt.Errorf("query: %w", err)
	}
	for key, values := range v {
		if len(values) != 1 {
			return in, fmt.Errorf("query: %.64q is given %d times", key, len(values))
		}
		value := values[0]
		switch key {
		case "held":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 64)
			in.Held = manifest.Revision(n)
		case "made":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 64)
			in.Made = job.Sequence(n)
		case "at":
			in.At, err = parseTime(value)
		case "offset":
			var n int64
			n, err = strconv.ParseInt(value, 10, 64)
			in.Offset = time.Duration(n)
		case "lastCall":
			in.LastCall, err = strconv.ParseBool(value)
		case "boot":
			in.Boot = value
		case "zone":
			in.Zone = value
		case "digest":
			in.Digest = value
		default:
			err = fmt.Errorf("is not known")
		}
		if err != nil {
			return in, fmt.Errorf("query: %.64q: %w", key, err)
		}
	}
	if !v.Has("held") {
		return in, fmt.Errorf(`query: "held" is missing`)
	}
	return in, nil
}
