package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/server/cli"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// desk is an administrator at the command line, in the test's process.
type desk struct {
	*testing.T
	url, dir string
}

// shared is a buffer that is read while a command writes.
type shared struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.String()
}

// run runs one command with the text on standard input.
func (d desk) run(stdin, line string) (stdout, stderr string, code int) {
	d.Helper()
	var out, errs shared
	code = d.runTo(&out, &errs, stdin, line)
	return out.String(), errs.String(), code
}

func (d desk) runTo(out, errs io.Writer, stdin, line string) int {
	root := command(d.Context())
	args := strings.Fields(line)
	if args[0] != "init" && args[0] != "rule" {
		args = append(args, "--server", d.url, "--admin-token", serve.In(d.dir).AdminToken)
	}
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(out)
	root.SetErr(errs)
	return cli.Run(root)
}

// ok runs a command that must succeed and print all the texts. It returns what
// it printed, standard error after the rest.
func (d desk) ok(stdin, line string, texts ...string) string {
	d.Helper()
	stdout, stderr, code := d.run(stdin, line)
	require.Equal(d, cli.ExitOK, code, "%s: %s", line, stderr)
	for _, text := range texts {
		require.Contains(d, stdout+stderr, text, line)
	}
	return stdout + stderr
}

// open starts a server with a feed.
func open(t *testing.T, feed string) desk { return openFrom(t, feed, serve.Sources{}) }

// openFrom starts a server with a feed and more.
func openFrom(t *testing.T, feed string, from serve.Sources) desk {
	d := desk{T: t, dir: filepath.Join(t.TempDir(), "patchpolicy")}
	d.ok("", "init --dir "+d.dir)
	s := &shell{t: t, dir: filepath.Dir(d.dir)}
	s.write("patches.json", feed)
	from.JSON = []string{filepath.Join(s.dir, "patches.json")}
	feeds, err := serve.Feeds(from, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	listening, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		done <- serve.Run(ctx, serve.Config{
			Files: serve.In(d.dir), Listen: "127.0.0.1:0", SyncEvery: time.Hour, Feeds: feeds, Deadlines: []string{"bod-26-04"}, Logger: slog.New(slog.DiscardHandler),
			Listening: func(at net.Addr) { listening <- at },
		})
	}()
	t.Cleanup(func() { stop(); require.NoError(t, <-done) })
	select {
	case at := <-listening:
		d.url = "http://" + at.String()
	case err := <-done:
		require.NoError(t, err)
	}
	return d
}

// hand is an agent played by hand.
type hand struct {
	*testing.T
	config agenthttp.Config
	client *agenthttp.Client
	keys   []manifest.PublicKey
	in     manifest.CheckIn
	orders []job.Order
}

func enrol(d desk, name job.AssetID, secret string) *hand {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(d, err)
	config := agenthttp.Config{Server: d.url, Asset: name, Key: key}
	_, config.Trust, err = agenthttp.Enrol(d.Context(), config, manifest.Enrolment{Token: secret, Platform: catalog.Linux, Architecture: "amd64"}, "")
	require.NoError(d, err)
	trust, err := manifest.OpenTrust(config.Trust)
	require.NoError(d, err)
	h := &hand{T: d.T, config: config, keys: trust.Manifest, in: manifest.CheckIn{Asset: name, Zone: "Europe/Berlin"}}
	h.to(d.url)
	return h
}

// to has the agent call a server at an address.
func (h *hand) to(url string) {
	h.Helper()
	var err error
	h.config.Server = url
	h.client, err = agenthttp.NewClient(h.config)
	require.NoError(h, err)
}

// has sends an inventory with one product.
func (h *hand) has(product catalog.ProductID, semver string) {
	h.Helper()
	v, err := version.Parse(version.Semver, semver)
	require.NoError(h, err)
	inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: product, Version: v}})
	require.NoError(h, err)
	h.in.Digest = inventory.Digest()
	require.True(h, h.call().WantInventory)
	h.in.Inventory = &inventory
	h.call()
	h.in.Inventory = nil
}

// call checks in with the reports of h.in and more, and takes the manifest.
func (h *hand) call(reports ...job.Report) manifest.Answer {
	h.Helper()
	for _, r := range reports {
		h.in.Made++
		r.Sequence, r.At = h.in.Made, time.Now()
		h.in.Reports = append(h.in.Reports, r)
	}
	h.in.At = time.Now()
	h.in.Call++
	answer, err := h.client.CheckIn(h.Context(), h.in)
	require.NoError(h, err)
	require.Equal(h, h.in.Made, answer.Acknowledged)
	h.in.Reports = nil
	if answer.Manifest == nil {
		return answer
	}
	document, err := manifest.Open(answer.Manifest, manifest.Keys(h.keys), h.in.Asset, h.in.Held, h.in.HeldDigest, time.Now())
	require.NoError(h, err)
	h.in.Held, h.in.HeldDigest, h.orders = document.Revision, manifest.Digest(answer.Manifest), document.Orders
	return answer
}

// report reports on the order of a run.
func (h *hand) report(run string, reports ...job.Report) {
	h.Helper()
	for i := range reports {
		reports[i].Order = job.MakeOrderID(job.RunID(run), h.in.Asset)
	}
	h.call(reports...)
}

func ended(result job.Result, patch job.PatchOutcome) []job.Report {
	patch.Patch, patch.Name = "editor-2", "editor"
	return []job.Report{{Progress: job.Started}, {Progress: job.Deploying}, {Result: result, Patches: []job.PatchOutcome{patch}}}
}

const why = "The file is not the one that the vendor announced: its SHA-256 differs from the catalog's, and it has no signature."

const longWhy = why + " It was fetched again." + " It was fetched again."

// An administrator's day, at the command line alone: a recurring job from an
// example, previewed, enabled, watched, cancelled in time and too late, a
// failure explained, a chain.
func TestAnAdministratorsDay_JOB3_JOB19_JOB22(t *testing.T) {
	d := open(t, strings.Replace(feedFile, `"version"`, `"class": "security", "version"`, 1))
	d.ok("", "sync")
	d.ok("", "patch list --product editor", "editor-2", "security")
	secret := strings.TrimSpace(d.ok("", "token create --uses 2 --tag web"))
	one, two := enrol(d, "web-1", secret), enrol(d, "web-2", secret)
	one.has("editor", "1.0.0")
	d.ok("", "asset list", "web-1", "no inventory yet")
	d.ok("", "asset show web-1", "Europe/Berlin", "holds revision")
	d.ok("", "asset inventory web-1", "editor", "1.0.0")

	// A recurring job from an example, which starts in two hours.
	d.ok("", "job example", "daily", "patch-tuesday", "chain-per-asset")
	_, _, code := d.run("", "job example hourly")
	require.Equal(t, cli.ExitUsage, code)
	start := time.Now().UTC().Add(2 * time.Hour)
	daily := strings.NewReplacer(`"22:00"`, start.Format(`"15:04"`), "Europe/Berlin", "UTC").Replace(d.ok("", "job example daily"))
	d.ok(daily, "job save -f -", "daily revision 1, disabled")
	d.ok("", "job preview daily", "2 assets: 1 with something to do, 1 without an inventory", "editor-2", "next start: "+start.Format("2006-01-02T15:04"))
	d.ok("", "job preview daily --asset web-1", "install")
	d.ok("", "job show daily", "every day at "+start.Format("15:04"), "UTC, spread over 30m", "none while it is disabled", "with any tag of web; without tag frozen: 2 assets now",
		"4h from the start", "users may defer it 3 times by 1h")
	two.has("editor", "3.0.0")
	d.ok("", "job preview daily", "1 with something to do, 1 with nothing to do")
	d.ok("", "report missing", "missing patches: 1, on 2 assets with an inventory", "editor-2")
	two.has("editor", "1.0.0")

	// Enabled, exported, watched, cancelled in time.
	out := d.ok("", "job enable daily", "next start: ", "(2 assets)")
	run, _, _ := strings.Cut(out, "\n")
	d.ok("", "job list", "enabled", run)
	d.ok(d.ok("", "job export daily"), "job save -f -", "daily revision 1, enabled")
	one.call()
	two.call()
	require.Len(t, one.orders, 1)
	d.ok("", "run show "+run, "not begun", ", starts 20")
	var lines, errs shared
	watched := make(chan int)
	go func() { watched <- d.runTo(&lines, &errs, "", "run show "+run+" --watch --every 100ms") }()
	one.report(run, job.Report{Progress: job.Started}, job.Report{Progress: job.Downloading})
	require.Eventually(t, func() bool { return strings.Contains(lines.String(), "web-1  Downloading") }, time.Minute, 50*time.Millisecond)
	d.ok("", "job cancel daily", "CancelPending")
	d.ok("", "report cancels", "web-1")
	for _, h := range []*hand{one, two} {
		h.call()
		h.report(run, job.Report{Result: job.Cancelled, Text: "cancelled before the deploy"})
	}
	require.Zero(t, <-watched, "the watch ends with the run: %s", errs.String())
	for _, text := range []string{"web-1  Cancelled", "web-2  Cancelled", "Cancelled 2"} {
		require.Contains(t, lines.String(), text)
	}
	require.Equal(t, 2, strings.Count(d.ok("", "run cancel "+run), "Cancelled"), "cancelling again says what is known")

	// Cancelled too late; a failure is explained.
	run = strings.TrimSpace(d.ok("", "job run daily"))
	one.call()
	two.call()
	one.report(run, job.Report{Progress: job.Started}, job.Report{Progress: job.Deploying})
	two.report(run, job.Report{Progress: job.Started}, job.Report{Progress: job.Deploying})
	stdout, stderr, code := d.run("", "run cancel "+run)
	require.Equal(t, cli.ExitFailed, code)
	require.Contains(t, stderr, "stage deploy has begun")
	require.Contains(t, stdout, "TooLate")
	one.report(run, ended(job.Failed, job.PatchOutcome{Status: job.PatchFailed, Code: job.FileHashValidationFailed, Rule: "INT-2", Text: longWhy})[2])
	two.report(run, ended(job.Completed, job.PatchOutcome{Status: job.Succeeded})[2])
	require.NotContains(t, d.ok("", "run show "+run, "FileHashValidationFailed", "INT-2", why, "…", "Failed 1", "Completed 1"), longWhy, "the cause is whole")
	d.ok("", "run show "+run+" --full", longWhy)
	d.ok("", "report failures --asset web-1 --full", longWhy)
	d.ok("", "rule int-2", "INT-2. ")
	require.Equal(t, "1\n", d.ok("", "report failed"))
	who, err := user.Current()
	require.NoError(t, err)
	events := d.ok("", "report events", "job enabled", "job cancelled", "asset enrolled")
	require.Contains(t, events, who.Username)
	_, stderr, code = d.run("", "run cancel "+run)
	require.Equal(t, cli.ExitFailed, code)
	require.Contains(t, stderr, "its orders have ended")
	stdout, _, _ = d.run("", "run show "+run+" --watch --json")
	for line := range strings.Lines(stdout) {
		require.True(t, json.Valid([]byte(line)), line)
	}
	require.Equal(t, 3, strings.Count(stdout, "\n"), "the run and two assets, which have ended: %s", stdout)

	// A chain: says what it waits for, and runs once the other one succeeded.
	chain := strings.NewReplacer(`"production"`, `"web"`, `, "delay": "24h"`, "").Replace(d.ok("", "job example chain"))
	d.ok(chain, "job save -f -")
	d.ok("", "job enable chain", "no run is planned", "2 assets")
	d.ok("", "job show chain", "after 80 % of job daily succeeded", "It needs 2 of the 2 assets")
	run = strings.TrimSpace(d.ok("", "job run daily"))
	for _, h := range []*hand{one, two} {
		h.call()
		h.report(run, ended(job.Completed, job.PatchOutcome{Status: job.Succeeded})...)
	}
	d.ok(chain, "job save -f -") // the server makes what is due
	require.Eventually(t, func() bool { return strings.Contains(d.ok("", "run list chain"), "chain@") }, time.Minute, 50*time.Millisecond)
	d.ok("", "run list", "daily@", "chain@")

	// What may surprise is said, not hidden.
	list := strings.NewReplacer(`"on demand"`, `"daily", "time": "22:00", "zone": "asset"`, `, "web-2"]`, `]`).Replace(d.ok("", "job example list"))
	d.ok(list, "job save -f -")
	d.ok("", "job enable list", "next start: ", "Europe/Berlin (1 asset)", "1 of the 2 patches listed are not in the catalog", "reader-7")
	d.ok("", "job disable list")
	d.ok(strings.ReplaceAll(d.ok("", "job example on-demand"), `"web"`, `"nobody"`), "job save -f -")
	d.ok("", "job enable on-demand", "warning: The job selects no asset now")
}

// Every example is saved by a server as it is printed, and exported as it was saved.
func TestExamplesAreSavedAsPrinted(t *testing.T) {
	d := open(t, feedFile)
	var kinds []struct{ Kind string }
	require.NoError(t, json.Unmarshal([]byte(d.ok("", "job example --json")), &kinds))
	require.NotEmpty(t, kinds)
	for _, k := range kinds {
		d.ok(d.ok("", "job example "+k.Kind), "job save -f -", k.Kind+" revision 1, disabled")
		d.ok(d.ok("", "job export "+k.Kind), "job save -f -", k.Kind+" revision 1, disabled")
		d.ok("", "job show "+k.Kind, "schedule", "next start", "reboot")
	}
	var jobs []controller.JobStatus
	require.NoError(t, json.Unmarshal([]byte(d.ok("", "job list --json")), &jobs))
	require.Len(t, jobs, len(kinds))
}
