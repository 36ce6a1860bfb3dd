package forms

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

var record = flag.String("record", "", "record the forms that this code writes as the set of a `release`, like v0")

const folder = "testdata/forms"

// sets lists the recorded sets, the oldest release first.
func sets(t testing.TB) []string {
	list, err := os.ReadDir(folder)
	require.NoError(t, err)
	names := make([]string, len(list))
	for i, entry := range list {
		names[i] = entry.Name()
	}
	slices.SortFunc(names, func(a, b string) int {
		order, ok := dotted(t, a).Compare(dotted(t, b))
		require.True(t, ok)
		return order
	})
	require.NotEmpty(t, names)
	return names
}

func dotted(t testing.TB, release string) version.Version {
	v, err := version.Parse(version.Dotted, strings.TrimPrefix(release, "v"))
	require.NoError(t, err, "a set is named for its release")
	return v
}

// set reads a recorded set.
func set(t testing.TB, release string) map[string]json.RawMessage {
	forms := map[string]json.RawMessage{}
	list, err := filepath.Glob(filepath.Join(folder, release, "*.json"))
	require.NoError(t, err)
	for _, file := range list {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var compact bytes.Buffer
		require.NoError(t, json.Compact(&compact, data), file)
		forms[strings.TrimSuffix(filepath.Base(file), ".json")] = compact.Bytes()
	}
	return forms
}

// The newest set is what this code writes (MAN-11).
func TestFormsAreRecorded_MAN11(t *testing.T) {
	today := written(t)
	indented := func(data []byte) string {
		var b bytes.Buffer
		require.NoError(t, json.Indent(&b, data, "", " "))
		return strings.TrimSpace(b.String()) + "\n"
	}
	if *record != "" {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, *record), 0o755))
		for name, data := range today {
			require.NoError(t, os.WriteFile(filepath.Join(folder, *record, name+".json"), []byte(indented(data)), 0o644))
		}
	}
	all := sets(t)
	newest := set(t, all[len(all)-1])
	require.Equal(t, slices.Sorted(maps.Keys(newest)), slices.Sorted(maps.Keys(today)))
	for name, data := range today {
		require.Equal(t, indented(newest[name]), indented(data), "the form %s changed: see the package documentation", name)
	}
}

// The production code reads every set (MAN-11).
func TestEverySetIsRead_MAN11(t *testing.T) {
	for _, release := range sets(t) {
		t.Run(release, func(t *testing.T) {
			forms := set(t, release)
			read(t, forms)
			sealed := forms["manifest"]
			d, err := manifest.Open(sealed, manifest.NewVerifier(public), "web-1", 0, "", now)
			require.NoError(t, err, "as it was signed")
			require.Empty(t, d.Orders[0].NotKnown())
			require.Zero(t, d.Orders[0].Obstacle(job.Capabilities(), integrity.Excerpt{}))
			s := newServer(t)
			s.load(unpack[map[string]table](t, forms["records"]))
			differences, err := s.CheckIndexes(context.Background())
			require.NoError(t, err)
			require.Empty(t, differences)
		})
	}
}

// What a later release may write of each form is read, or fails as MAN-11 says.
func TestLaterRelease_MAN11(t *testing.T) {
	for _, release := range sets(t) {
		for name, change := range map[string]func(any) any{"fields": withFields, "names": withNames, "both": func(v any) any { return withFields(withNames(v)) }} {
			t.Run(release+" "+name, func(t *testing.T) {
				forms := set(t, release)
				for form, data := range forms {
					changed := change
					if form == "records" {
						changed = func(v any) any { // tables and keys are not objects with fields
							for _, records := range v.(map[string]any) {
								for key, value := range records.(map[string]any) {
									records.(map[string]any)[key] = change(value)
								}
							}
							return v
						}
					}
					written, err := json.Marshal(changed(unpack[any](t, data)))
					require.NoError(t, err)
					forms[form] = written
				}
				got := read(t, forms)
				if name == "fields" {
					require.Empty(t, got.order.NotKnown())
					return
				}
				require.Equal(t, `scheme "flying"`, strings.TrimPrefix(got.order.NotKnown(), "patches[0].version: "), "the order is not started")
				report := got.checkIn.Reports[0]
				for _, field := range []string{"progress", "result", "tooLate"} {
					require.Contains(t, report.Text, field+` "Flying"`)
				}
				require.Contains(t, report.Patches[0].Text, `status "Flying"; check.reason "Flying"`)
				require.Equal(t, "flying:1.2.3", report.Patches[0].To.String())
				require.Contains(t, got.ended, `result "Flying"`)
			})
		}
	}
}

// understood is some of what was read.
type understood struct {
	checkIn manifest.CheckIn
	order   job.Order
	ended   string
}

func unpack[T any](t testing.TB, data []byte) (v T) {
	require.NoError(t, json.Unmarshal(data, &v))
	return v
}

// read reads a set with the production code of each form. What it reads must be
// written as something that reads the same.
func read(t testing.TB, forms map[string]json.RawMessage) (got understood) {
	ctx := context.Background()
	got.checkIn = stable[manifest.CheckIn](t, forms["check-in"])
	require.NoError(t, got.checkIn.Validate())
	require.NoError(t, manifest.CheckFormat("", stable[manifest.Answer](t, forms["answer"]).Format, manifest.Format))
	require.NoError(t, manifest.CheckFormat("", stable[manifest.Enrolled](t, forms["enrolled"]).Format, manifest.Format))
	var enrolment manifest.Enrolment
	if err := json.Unmarshal(forms["enrolment"], &enrolment); err != nil { // an asset with an unknown platform is not enrolled
		require.ErrorAs(t, err, new(*enum.UnknownError))
	} else {
		require.NoError(t, enrolment.Validate())
	}

	trust, err := manifest.OpenTrust(forms["trust"])
	require.NoError(t, err)
	require.NotEmpty(t, manifest.Keys(trust.Manifest).KeyIDs())
	d, err := manifest.Open(seal(forms["document"]), manifest.NewVerifier(public), "web-1", 0, "", now)
	require.NoError(t, err)
	got.order = d.Orders[0]

	var state agent.State
	require.NoError(t, state.UnmarshalBinary(forms["state"]))
	require.Equal(t, agent.Format, unpack[struct{ Format int }](t, forms["state"]).Format)
	require.NoError(t, state.UnmarshalEnded(forms["ended"]))
	again, err := state.MarshalBinary()
	require.NoError(t, err)
	var back agent.State
	require.NoError(t, back.UnmarshalBinary(again))
	third, err := back.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, string(again), string(third))
	got.ended = state.Ended[0].NotKnown
	next, _ := agent.Step(agent.Config{Asset: "web-1", Key: manifest.NewVerifier(public)}, state, agent.Started{}, agent.Moment{Wall: now, BootID: "boot"})
	require.GreaterOrEqual(t, next.Sequence, state.Sequence)

	h := home.Home(t.TempDir())
	for form, file := range files {
		require.NoError(t, os.WriteFile(filepath.Join(string(h), file), append(bytes.Clone(forms[form]), '\n'), 0o600))
	}
	_, err = h.MakeKey(false)
	require.NoError(t, err)
	_, _, err = h.Load()
	require.NoError(t, err)
	status, err := h.ReadStatus()
	require.NoError(t, err)
	require.NotZero(t, status.Process)
	journal, err := h.OpenJournal()
	require.NoError(t, err)
	require.NoError(t, journal.Close())

	readRecords(t, ctx, unpack[map[string]table](t, forms["records"]))
	return got
}

// stable reads a form that only encoding/json reads.
func stable[T any](t testing.TB, data []byte) T {
	v := unpack[T](t, data)
	again, err := json.Marshal(v)
	require.NoError(t, err)
	require.Equal(t, v, unpack[T](t, again))
	return v
}

// seal signs any document, as the server's key does.
func seal(payload []byte) []byte {
	sig := ed25519.Sign(private, dsse.PAE(manifest.PayloadType, payload))
	return fmt.Appendf(nil, `{"payloadType":%q,"payload":%q,"signatures":[{"keyid":%q,"sig":%q}]}`,
		manifest.PayloadType, base64.StdEncoding.EncodeToString(payload), manifest.Fingerprint(public), base64.StdEncoding.EncodeToString(sig))
}

// readRecords starts a server from recorded records, and calls every query of
// it.
func readRecords(t testing.TB, ctx context.Context, all map[string]table) {
	s := newServer(t)
	s.load(all)
	_, err := s.CheckIndexes(ctx)
	require.NoError(t, err)
	assets, err := s.Assets(ctx, "", 100, now)
	require.NoError(t, err)
	require.Len(t, assets, 3)
	jobs, err := s.Jobs(ctx, "", 100)
	require.NoError(t, err)
	require.Len(t, jobs, 5)
	for _, j := range jobs {
		runs, err := s.Runs(ctx, j.Definition.ID, "", 100)
		require.NoError(t, err)
		for _, run := range runs {
			_, err := s.RunAssets(ctx, run.ID, "", 100)
			require.NoError(t, err)
		}
		_, err = s.GivenUp(ctx, j.Definition.ID, 100)
		require.NoError(t, err)
	}
	failed, err := s.FailedInstalls(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, failed)
	failures, err := s.Failures(ctx, controller.FailureFilter{Limit: 100})
	require.NoError(t, err)
	require.Len(t, failures.Failures, 1)
	for name, list := range map[string]func() (int, error){
		"reboots": func() (int, error) { l, err := s.PendingReboots(ctx, 100); return len(l), err },
		"cancels": func() (int, error) { l, err := s.PendingCancels(ctx, 100); return len(l), err },
		"silent":  func() (int, error) { l, err := s.Silent(ctx, 100, now.AddDate(1, 0, 0)); return len(l), err },
		"tokens":  func() (int, error) { l, err := s.Tokens(ctx); return len(l), err },
		"feeds":   func() (int, error) { l, err := s.Feeds(ctx, now); return len(l), err },
		"probes":  func() (int, error) { l, err := s.Unreachable(ctx); return len(l), err },
	} {
		n, err := list()
		require.NoError(t, err, name)
		require.Positive(t, n, name)
	}
	_, err = s.Stuck(ctx, 100, now.AddDate(0, 1, 0))
	require.NoError(t, err)
	for _, a := range assets {
		_, err = s.Missing(ctx, a.ID, now)
		require.NoError(t, err)
		in := manifest.CheckIn{Asset: a.ID, At: now.AddDate(0, 0, 1), Held: a.Held, Format: manifest.Format, Digest: "sha256:another", Can: job.Capabilities()}
		in.Reports = []job.Report{{Sequence: 100, Refused: "x"}}
		_, err := s.CheckIn(ctx, in, now.AddDate(0, 0, 1))
		require.NoError(t, err)
	}
	_, err = s.Tick(ctx, now.AddDate(0, 0, 8))
	require.NoError(t, err)
}

// enums are the members whose values are names. TestEveryNameIsReplaced fails
// if one is missing.
var enums = []string{
	"progress", "result", "tooLate", "stage", "phase", "status", "reason", "checksum", "compared", "platform", "state", "match", "kind", "nth", "sessions",
	"severity", "class", "availability", "scheme", "minSeverity", "weekdays", "classes",
}

var (
	schemed  = regexp.MustCompile(`^(semver|debian|dotted):`)
	digested = regexp.MustCompile(`^(sha256|sha384|sha512|sha1|md5):[0-9a-f]{32,}$`)
)

// withNames replaces each name by an unknown one.
func withNames(v any) any { return renamed("", v) }

func renamed(member string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = renamed(name, value)
		}
	case []any:
		for i := range v {
			v[i] = renamed(member, v[i])
		}
	case string:
		switch {
		case slices.Contains(enums, member):
			return "Flying"
		case schemed.MatchString(v):
			return schemed.ReplaceAllString(v, "flying:")
		case digested.MatchString(v) && member == "digests": // other members are plain texts
			return "flying:" + v
		}
	}
	return v
}

// withFields adds a field to each object.
func withFields(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = withFields(value)
		}
		v["altitude"] = map[string]any{"metres": []any{1, "two", nil}}
	case []any:
		for i := range v {
			v[i] = withFields(v[i])
		}
	}
	return v
}

// The list of members that have names for values is complete.
func TestEveryNameIsReplaced(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice}, of.Kind()) {
			of = of.Elem()
		}
		_, texts := reflect.New(of).Interface().(interface{ MarshalText() ([]byte, error) })
		if of.Kind() != reflect.Struct || texts || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			elem := f.Type
			if elem.Kind() == reflect.Slice {
				elem = elem.Elem()
			}
			_, texts := reflect.New(elem).Interface().(interface{ UnmarshalText([]byte) error })
			if elem.Kind() == reflect.Uint8 && texts {
				require.Contains(t, enums, name, "%v.%s", of, f.Name)
			}
			look(f.Type)
		}
	}
	for _, form := range []any{manifest.CheckIn{}, manifest.Document{}, manifest.Enrolment{}, agent.State{}, job.Definition{}, catalog.Patch{}, catalog.Product{}, ledger.Entry{}, ledger.Outcomes{}, ledger.Run{}} {
		look(reflect.TypeOf(form))
	}
}
