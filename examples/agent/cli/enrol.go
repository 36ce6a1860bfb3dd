package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	tokens "github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// maxInput is the most bytes of a file that a flag names.
const maxInput = integrity.MaxPolicy

type enrolment struct {
	state, server, token, tokenFile, name, fingerprint, ca, policy string
	again, plainHTTP                                               bool
}

func (p *program) enrol() *cobra.Command {
	var o enrolment
	cmd := &cobra.Command{
		Use:   "enrol",
		Short: "Make this machine an asset of a server",
		Long: `Enrol makes a key for this machine, which never leaves it, and asks the server
to accept the machine as an asset. The server's trust document lists the keys
that sign its manifests. The agent trusts only that document and the versions
that follow it. Give its fingerprint with --fingerprint, as "server init" and
"server key show" print it: it is checked before the token is sent. Plain http
to another machine needs --plain-http, and then the fingerprint is required.

A signer policy given with --policy is kept. Whatever the server orders, the
agent then installs nothing that the policy does not allow, runs no pre- or
post-action that the policy's commands do not allow (unless "agent run" is given
--actions), and refuses orders that were made under another policy.

If the server removed this machine, or if it was copied from another one, enrol
it again with --again. It gets a new key and an empty queue. A signer policy
that it has stays, unless --policy gives another. To have none, delete
policy.json in the state folder.

Enrol can be repeated until it succeeds.

Exit codes: 0 enrolled, 1 the server refused or could not be reached, 2 bad
input.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.enrolNow(cmd.Context(), o) },
	}
	state(cmd, &o.state)
	f := cmd.Flags()
	f.StringVar(&o.server, "server", "", "the server's base URL, http or https")
	f.StringVar(&o.tokenFile, "token-file", "", "file with the enrolment token; \"-\" is standard input")
	f.StringVar(&o.name, "name", "", "the asset's name (default: this machine's host name)")
	f.StringVar(&o.fingerprint, "fingerprint", "", "fingerprint of the server's trust document, \"sha256:\" and 64 hex digits")
	f.BoolVar(&o.plainHTTP, "plain-http", false, "allow plain http to another machine: others can read what is sent, including the token")
	f.BoolVar(&o.again, "again", false, "give up this machine's identity and enrol it again")
	f.StringVar(&o.ca, "ca", "", "PEM file of the certificate authorities to trust for the server (default: the system's)")
	f.StringVar(&o.policy, "policy", "", "file with the signer policy that the server's orders must pass; it is kept (default: none)")
	return cmd
}

func (p *program) enrolNow(ctx context.Context, o enrolment) error {
	policy, err := o.check()
	if err != nil {
		return err
	}
	h := home.Home(o.state)
	if h.Enrolled() && !o.again {
		return misuse("an agent is already enrolled in %s: give --again to replace it, or --state for another folder", o.state)
	}
	if err := h.Make(); err != nil {
		return misused{err}
	}
	release, err := stopped(h)
	if err != nil {
		return err
	}
	defer release()
	key, err := h.MakeKey(o.again)
	if err != nil {
		return misused{err}
	}
	hostname, _ := os.Hostname() // only shown to people: it may be missing
	id := home.Identity{Server: strings.TrimRight(o.server, "/"), Asset: job.AssetID(o.name), Roots: o.ca, PlainHTTP: o.plainHTTP}
	enrolled, trust, err := agenthttp.Enrol(ctx, connection(id, key), manifest.Enrolment{
		Token: o.token, Platform: catalog.Linux, Architecture: debian.Architectures("/")[0], Hostname: hostname, Version: programVersion(), Format: manifest.Format,
	}, o.fingerprint)
	if _, invalid := errors.AsType[*job.Invalid](err); invalid {
		return misused{err}
	}
	if err != nil {
		return err
	}
	id.Trust, id.Every = trust, enrolled.Every
	if policy != nil {
		err = h.SavePolicy(*policy) // first, so that an enrolled agent never runs without it
	} else {
		policy, err = h.Policy() // one that it has stays
	}
	if err == nil {
		err = h.Become(id, o.again)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "enrolled as %s with %s; the server's trust document has fingerprint %s\n", id.Asset, id.Server, manifest.TrustFingerprint(trust))
	if err == nil && policy != nil {
		_, err = fmt.Fprintf(p.out, "signer policy %s\n", policy.Digest())
	}
	return err
}

// check reads the files that flags name, token and authorities in their place.
// The error lists every problem.
func (o *enrolment) check() (policy *integrity.Policy, err error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(o.server); o.server == "" || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("--server: %q is not an http or https URL such as https://patch.example:8443", o.server)
	}
	if o.tokenFile == "" {
		bad("--token-file: name the file with the enrolment token, or - for standard input")
	} else {
		var data []byte
		err := owned.Check(o.tokenFile, owned.Secret)
		if err == nil || o.tokenFile == "-" {
			data, err = readInput(o.tokenFile)
		}
		o.token = strings.TrimSpace(string(data))
		if err != nil {
			bad("--token-file: %w", err)
		} else if o.token == "" {
			bad("--token-file: %s is empty; write the enrolment token into it", o.tokenFile)
		}
	}
	if tokens.IsAdmin(o.token) {
		bad("this is the administrator's token, which no agent must have: create an enrolment token with \"server token create\"")
	}
	if o.name == "" {
		if o.name, err = os.Hostname(); err != nil {
			bad("this machine's host name is unknown; give a name with --name: %w", err)
		}
	}
	if err := job.ValidID(o.name); err != nil {
		bad("--name: %w", err)
	}
	given := o.fingerprint
	o.fingerprint = strings.ToLower(given)
	if d, err := integrity.ParseDigest(o.fingerprint); given != "" && (err != nil || d.Algorithm != integrity.SHA256) {
		bad("--fingerprint: %q is not a fingerprint: give \"sha256:\" and 64 hex digits", given)
	}
	if o.ca != "" {
		data, err := readInput(o.ca)
		if err != nil {
			bad("--ca: %w", err)
		} else if !x509.NewCertPool().AppendCertsFromPEM(data) {
			bad("--ca: %s has no certificate in PEM", o.ca)
		}
		o.ca = string(data)
	}
	if policy, err = readPolicy(o.policy); err != nil {
		bad("--policy: %w", err)
	}
	if o.state == "" {
		bad("--state: name a folder")
	}
	if err := errors.Join(errs...); err != nil {
		return nil, misused{err}
	}
	return policy, nil
}

// readPolicy reads a signer policy that a flag names, and checks that a
// verifier accepts it. Without a name there is none.
func readPolicy(name string) (*integrity.Policy, error) {
	if name == "" {
		return nil, nil
	}
	data, err := readInput(name)
	if err != nil {
		return nil, err
	}
	policy, err := integrity.ParsePolicy(data)
	if err == nil {
		_, err = policyverify.New(policy)
	}
	return &policy, err
}

func readInput(name string) ([]byte, error) {
	in := os.Stdin
	if name != "-" {
		err := owned.CheckLinked(name, owned.State)
		if err == nil {
			in, err = os.Open(name)
		}
		if err != nil {
			return nil, err
		}
		defer in.Close()
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("%s has more than %d bytes", name, maxInput)
	}
	return data, err
}

func (p *program) leave() *cobra.Command {
	var dir string
	var force bool
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Remove this machine from its server",
		Long: `Leave removes this machine from its server, and deletes its key, signer policy,
queue and downloads. Its journal moves to the folder "former". Stop the agent
first.

Exit codes: 0 done, 1 the server could not be reached and nothing changed, 2 bad
input.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.leaveNow(cmd.Context(), home.Home(dir), force) },
	}
	state(cmd, &dir)
	cmd.Flags().BoolVar(&force, "force", false, "leave even if the server cannot be reached; it lists this machine until the administrator removes it")
	return cmd
}

func (p *program) leaveNow(ctx context.Context, h home.Home, force bool) error {
	id, key, err := h.Load()
	if err != nil {
		return misused{err}
	}
	release, err := stopped(h)
	if err != nil {
		return err
	}
	defer release()
	client, err := agenthttp.NewClient(connection(id, key))
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Leave(ctx)
	switch {
	case err == nil:
	case errors.Is(err, manifest.ErrRefused):
		fmt.Fprintln(p.err, "the server does not accept this machine any more")
	case force:
		fmt.Fprintln(p.err, "the server was not notified:", err)
	default:
		return fmt.Errorf("%w; give --force to leave without the server", err)
	}
	if err := h.Leave(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s has left %s\n", id.Asset, id.Server)
	return err
}

// stopped checks that no agent runs on the folder, and keeps one from starting
// until release is called.
func stopped(h home.Home) (release func(), err error) {
	state, err := boltstate.Open(h.StateFile())
	if errors.Is(err, boltstate.ErrInUse) {
		return nil, misuse("the agent is running: stop it first (%w)", err)
	}
	if err != nil { // such as a damaged file, which leave deletes anyway
		return func() {}, nil
	}
	return func() { _ = state.Close() }, nil
}
