package forms

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

var (
	now     = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	private = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public  = private.Public().(ed25519.PublicKey)
)

// valid makes an order with every field set a valid one.
func valid(t testing.TB, o *job.Order) {
	o.Job, o.Start, o.End = "nightly", now, now.Add(time.Hour)
	o.Run = job.MakeRunID(o.Job, o.Start)
	o.ID = job.MakeOrderID(o.Run, "web-1")
	o.InstallLimit = job.MinInstallLimit
	o.Reboot.Suppress = false // it reboots for a pending reboot
	o.SignerPolicy.Clauses[0].AllowUnsigned = false
	f := &o.Patches[0].Files[0]
	f.URL, f.SignatureURL = "https://vendor.example/f", "https://vendor.example/f.sig"
	o.Cancelled, o.Begun = false, false // otherwise it never reaches the queue
	o.Needs = []string{job.CanRunActions}
	require.NoError(t, o.Validate())
}

// exchange is an X25519 key.
var exchange = func() []byte {
	key, err := manifest.AgentExchange(private)
	if err != nil {
		panic(err)
	}
	return key
}()

// written returns every form as this code writes it.
func written(t testing.TB) map[string]json.RawMessage {
	forms := map[string]json.RawMessage{}
	put := func(name string, data []byte, err error) {
		require.NoError(t, err, name)
		forms[name] = data
	}
	object := func(name string, v any) {
		data, err := json.Marshal(v)
		put(name, data, err)
	}
	checkIn := filled[manifest.CheckIn](t)
	checkIn.Asset, checkIn.Format = "web-1", manifest.Format
	object("check-in", checkIn)
	object("answer", filled[manifest.Answer](t))
	enrolment := filled[manifest.Enrolment](t)
	enrolment.Exchange = exchange
	object("enrolment", enrolment)
	object("enrolled", filled[manifest.Enrolled](t))
	sealed, err := manifest.Seal(document(t), manifest.NewSigner(private))
	put("manifest", sealed, err)
	key := manifest.Ed25519(public)
	trust, err := manifest.SealTrust(manifest.NewTrust(key, key, exchange, now), manifest.NewSigner(private))
	put("trust", trust, err)
	put("document", payload(t, sealed), nil)
	state := filled[agent.State](t)
	state.Asset = "web-1"
	data, err := state.MarshalBinary()
	put("state", data, err)
	data, err = state.MarshalEnded()
	put("ended", data, err)

	h := home.Home(t.TempDir())
	identity := filled[home.Identity](t)
	identity.Trust = trust
	require.NoError(t, h.Save(identity))
	require.NoError(t, h.WriteStatus(home.Status{Process: 1, Written: now, State: state}))
	journal, err := h.OpenJournal()
	require.NoError(t, err)
	require.NoError(t, journal.Add(state.Reports))
	require.NoError(t, journal.Close())
	for form, file := range files {
		data, err := os.ReadFile(filepath.Join(string(h), file))
		put(form, data, err)
	}

	object("records", records(t))
	return forms
}

// files are the agent's files that are forms.
var files = map[string]string{"identity": "agent.json", "status": "status.json", "journal": "journal.jsonl"}

func document(t testing.TB) manifest.Document {
	return manifest.Document{
		Format: manifest.Format, Asset: "web-1", Revision: 7, Issued: now, Expires: now.Add(manifest.Lifetime), Orders: []job.Order{filled[job.Order](t)},
	}
}

// payload returns the payload of a sealed document.
func payload(t testing.TB, sealed []byte) []byte {
	var e struct{ Payload []byte }
	require.NoError(t, json.Unmarshal(sealed, &e))
	return e.Payload
}

// table holds the records of one table by key. A record without a value is
// null; one that is not JSON is a text that begins with plain. The stored
// catalog is a list of its lines, per piece.
type table map[string]json.RawMessage

const plain = "plain text: "

const catalogTable = "snapshot"

// tables are the server's tables, except those whose rows have no values.
var tables = []string{
	"meta", catalogTable, "assets", "seen", "heard", "reports", "revisions", "inventories", "inventory", "images", "tokens", "jobs", "runs", "due", "orders", "contents", "sets", "outcomes",
	"live", "queue", "unheard", "cancels", "reboots", "working", "runpatches", "bodies", "failures", "failed", "tallies", "counters", "followers", "tried", "retried",
	"joins", "chained", "unreachable",
}

// server is a controller over a store, and the assets that call it.
type server struct {
	testing.TB
	*controller.Controller
	store *memstore.Store
	calls map[job.AssetID]*manifest.CheckIn
}

func newServer(t testing.TB) *server {
	store := memstore.New(memstore.Options{})
	c, err := controller.New(store, controller.Config{Signer: manifest.NewSigner(private), Zone: time.LoadLocation})
	require.NoError(t, err)
	return &server{t, c, store, map[job.AssetID]*manifest.CheckIn{}}
}

// records returns the records of a server after a busy history.
func records(t testing.TB) map[string]table {
	s, ctx := newServer(t), context.Background()
	clause := func(name string, change ...func(*catalog.Patch)) catalog.Patch {
		p := catalog.Patch{
			ID: catalog.PatchID(name + "-2.0.0"), Product: catalog.ProductID(name), Version: semver(t, "2.0.0"), Class: catalog.Security, Severity: catalog.High, Published: now.Add(-time.Hour),
			Artifacts: []catalog.Artifact{{Name: "f", Availability: catalog.Pinned, URL: "https://vendor.example/" + name, Size: 3, Digests: []integrity.Digest{digest(t)}}},
		}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	marked := func(p *catalog.Patch) { p.EOL = now.AddDate(1, 0, 0) }
	batch := catalog.Batch{Feed: "vendor", At: now, Patches: []catalog.Patch{clause("editor"), clause("player", marked)}}
	for _, name := range []string{"editor", "player"} {
		batch.Products = append(batch.Products, catalog.Product{ID: catalog.ProductID(name), Name: name, Vendor: "Acme", Platform: catalog.Linux, Scheme: version.Semver})
	}
	_, err := s.Sync(ctx, []catalog.Batch{batch}, now)
	require.NoError(t, err)
	require.NoError(t, s.Probed(ctx, []controller.Probe{{URL: "https://vendor.example/player", Err: "timed out"}}, now))
	_, err = s.AddToken(ctx, strings.Repeat("s", 32), controller.Token{Uses: 9, Name: "lab", Tags: []string{"lab"}}, now)
	require.NoError(t, err)
	for _, id := range []job.AssetID{"web-1", "web-2", "web-3"} {
		s.enrol(id)
	}

	define := func(id job.ID, change func(*job.Definition)) job.RunID {
		d := job.Definition{
			ID: id, Name: string(id), Platform: catalog.Linux, Assets: job.Assets{IncludeTags: []string{"lab"}, Match: job.Any},
			Patches: job.Patches{List: []catalog.PatchID{"editor-2.0.0"}}, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
			Post: []job.Action{{Name: "note", Command: []string{"/bin/true"}}}, GiveUp: 1, LateJoiners: true,
		}
		change(&d)
		_, err := s.SaveJob(ctx, d, now)
		require.NoError(t, err)
		run, err := s.EnableJob(ctx, id, now)
		require.NoError(t, err)
		return run
	}
	first := define("first", func(*job.Definition) {})
	define("follower", func(d *job.Definition) {
		d.After, d.LateJoiners = &job.After{Job: "first", PerAsset: true}, false
	})
	define("weekly", func(d *job.Definition) {
		d.Schedule = schedule.Schedule{Kind: schedule.Weekly, Weekdays: schedule.WeekdaysOf(schedule.Friday), Time: schedule.Clock(22, 0), Zone: "Europe/Berlin"}
		d.LateJoiners = false
	})
	cancelled := define("cancelled", func(*job.Definition) {})
	define("withdrawn", func(*job.Definition) {})
	for _, id := range []job.AssetID{"web-1", "web-2", "web-3"} {
		s.call(id) // they receive their orders
	}
	outcome := job.PatchOutcome{Patch: "editor-2.0.0", Name: "editor", Status: job.PatchFailed, From: semver(t, "1.0.0"), To: semver(t, "2.0.0"), Code: job.InstallerFailed, Rule: "JOB-16", Text: "exit code 1"}
	of := func(id job.AssetID) job.OrderID { return job.MakeOrderID(first, id) }
	s.call("web-1", job.Report{Order: of("web-1"), Progress: job.Started}, job.Report{Order: of("web-1"), Result: job.Failed, Patches: []job.PatchOutcome{outcome}, Actions: []job.ActionOutcome{{Name: "note", Post: true, Text: "done"}}})
	outcome.Status, outcome.Code = job.Installed, 0
	outcome.Check = &integrity.Verdict{Passed: true, Reason: integrity.ChecksumMatched, Rule: "INT-2", Checksum: integrity.Matched, Compared: integrity.SHA256, Signature: integrity.Signature{Status: integrity.Absent}}
	s.call("web-2", job.Report{Order: of("web-2"), Progress: job.Deploying}, job.Report{Order: of("web-2"), Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome}})
	s.call("web-3", job.Report{Order: of("web-3"), Result: job.Completed}, job.Report{Refused: "expired"}, job.Report{Order: "nobody's", Progress: job.Started})
	s.call("web-3", job.Report{Order: job.MakeOrderID(cancelled, "web-3"), Progress: job.Deploying})
	_, err = s.CancelRun(ctx, cancelled, now)
	require.NoError(t, err)
	require.NoError(t, s.DisableJob(ctx, "withdrawn", now))
	require.NoError(t, s.RetryPatch(ctx, "first", "web-1", "editor-2.0.0", now))
	_, err = s.Tick(ctx, now)
	require.NoError(t, err)
	return s.dump()
}

func (s *server) enrol(id job.AssetID) {
	_, err := s.Enrol(context.Background(), manifest.Enrolment{
		Token: strings.Repeat("s", 32), Asset: id, Key: public, Platform: catalog.Linux, Architecture: "amd64", Hostname: string(id), Version: "v0", Format: manifest.Format,
	}, now)
	require.NoError(s, err)
	inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: "editor", Version: semver(s, "1.0.0"), PinnedTo: "2.0.0"}, {Product: "player", Version: semver(s, "1.0.0"), Held: true}})
	require.NoError(s, err)
	s.calls[id] = &manifest.CheckIn{
		Asset: id, At: now, Offset: time.Second, Boot: "boot", Reboot: id == "web-2", RebootSince: now.Add(-time.Hour), Zone: "Europe/Berlin", Digest: inventory.Digest(), Inventory: &inventory,
		Format: manifest.Format, Release: "v0", Hostname: string(id), Can: job.Capabilities(),
	}
	s.call(id)
	s.calls[id].Inventory = nil
}

// call makes a check-in of an asset, and applies the answer.
func (s *server) call(id job.AssetID, reports ...job.Report) {
	in := s.calls[id]
	in.Reports = nil
	for _, r := range reports {
		in.Made++
		r.Sequence, r.At = in.Made, now
		in.Reports = append(in.Reports, r)
	}
	in.At = in.At.Add(time.Second)
	answer, err := s.CheckIn(context.Background(), *in, now)
	require.NoError(s, err)
	if answer.Manifest != nil {
		d, err := manifest.Open(answer.Manifest, manifest.NewVerifier(public), id, in.Held, in.HeldDigest, now)
		require.NoError(s, err)
		in.Held, in.HeldDigest = d.Revision, manifest.Digest(answer.Manifest)
	}
}

// dump returns every record.
func (s *server) dump() map[string]table {
	all := map[string]table{}
	require.NoError(s, s.store.View(context.Background(), func(r controller.Reader) error {
		for _, name := range tables {
			list, err := r.Scan(controller.Table(name), "", "", 1000)
			if err != nil {
				return err
			}
			require.NotEmpty(s, list, "the history leaves no record in table %s", name)
			all[name] = table{}
			for _, rec := range list {
				value := rec.Value
				switch {
				case name == catalogTable:
					value = lines(s, rec.Value)
				case len(value) == 0:
					value = []byte("null")
				case !json.Valid(value):
					value, _ = json.Marshal(plain + string(value))
				}
				all[name][rec.Key] = value
			}
		}
		return nil
	}))
	return all
}

// lines returns the lines of a stored catalog as a list.
func lines(t testing.TB, zipped []byte) []byte {
	zip, err := gzip.NewReader(bytes.NewReader(zipped))
	require.NoError(t, err)
	text, err := io.ReadAll(zip)
	require.NoError(t, err)
	return []byte("[" + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ",") + "]")
}

// load puts records into the store.
func (s *server) load(all map[string]table) {
	require.NoError(s, s.store.Update(context.Background(), func(w controller.Writer) error {
		for name, records := range all {
			for key, value := range records {
				var data bytes.Buffer
				switch {
				case name == catalogTable:
					var list []json.RawMessage
					require.NoError(s, json.Unmarshal(value, &list))
					zip := gzip.NewWriter(&data)
					for _, line := range list {
						require.NoError(s, json.NewEncoder(zip).Encode(line))
					}
					require.NoError(s, zip.Close())
				case strings.HasPrefix(string(value), `"`+plain):
					var text string
					require.NoError(s, json.Unmarshal(value, &text))
					data.WriteString(strings.TrimPrefix(text, plain))
				case string(value) != "null":
					require.NoError(s, json.Compact(&data, value))
				}
				if err := w.Put(controller.Table(name), key, data.Bytes()); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}
