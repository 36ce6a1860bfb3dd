package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/examples/agent/drive"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	tokens "github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// maxInput is the bytes of the largest file that a flag names.
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
		Long: `Enrol makes a key for this machine, which never leaves it, and asks the server to take it in. The server's trust document says
which keys sign its manifests; the agent believes it, and the versions that follow it, alone. Give its fingerprint with
--fingerprint, as "server init" and "server key show" print it: it is checked before the token is sent. Over plain http, which needs
--plain-http anywhere but on this machine itself, it is required.

A signer policy given with --policy is pinned as well: whatever the server orders, nothing is installed that the policy does
not let pass, no pre- or post-action runs that none of its commands allows (unless "agent run" is told otherwise with --actions),
and what was ordered under another policy is refused.

A machine that is enrolled, and was removed by the server or copied from another one, enrols again with --again: it gets a new key
and begins with an empty queue. A signer policy that it is held to stays, unless --policy gives another; to be held to none, delete
policy.json in the state folder.

It can be repeated until it succeeds. Exit codes: 0 enrolled, 1 the server refused or was not reached, 2 bad input.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.enrolNow(cmd.Context(), o) },
	}
	state(cmd, &o.state)
	f := cmd.Flags()
	f.StringVar(&o.server, "server", "", "the server's base URL, http or https")
	f.StringVar(&o.tokenFile, "token-file", "", "file with the enrolment token; \"-\" reads it from the standard input")
	f.StringVar(&o.token, "token", "", "the enrolment token itself; others on this machine can see it in the list of processes")
	f.StringVar(&o.name, "name", "", "the asset's name (default: this machine's)")
	f.StringVar(&o.fingerprint, "fingerprint", "", "fingerprint of the server's trust document, \"sha256:\" and 64 hex digits")
	f.BoolVar(&o.plainHTTP, "plain-http", false, "allow a server that is reached over plain http: others can read what is sent, the token too")
	f.BoolVar(&o.again, "again", false, "give up the identity that this machine has, and enrol it anew")
	f.StringVar(&o.ca, "ca", "", "PEM file of the certificate authorities to trust for the server (default: the system's)")
	f.StringVar(&o.policy, "policy", "", "file with the signer policy that the agent shall hold the server's orders to; it is kept (default: none)")
	return cmd
}

func (p *program) enrolNow(ctx context.Context, o enrolment) error {
	token, roots, policy, err := o.check()
	if err != nil {
		return err
	}
	h := home.Home(o.state)
	if h.Enrolled() && !o.again {
		return misuse("an agent is enrolled in %s already: to give that up say --again, or give this one a folder of its own with --state", o.state)
	}
	if err := h.Make(); err != nil {
		return misused{err}
	}
	release, err := stopped(h)
	if err != nil {
		return err
	}
	defer release()
	makeKey := h.Key
	if o.again {
		makeKey = h.NextKey
	}
	key, err := makeKey()
	if err != nil {
		return misused{err}
	}
	hostname, _ := os.Hostname() // for people to read: it may be missing
	id := home.Identity{Server: strings.TrimRight(o.server, "/"), Asset: job.AssetID(o.name), Roots: roots, PlainHTTP: o.plainHTTP}
	enrolled, trust, err := agenthttp.Enrol(ctx, drive.Connection(id, key), manifest.Enrolment{
		Token: token, Platform: catalog.Linux, Architecture: debian.Architectures("/")[0], Hostname: hostname, Version: drive.Release(), Format: manifest.Format,
	}, o.fingerprint)
	if _, invalid := errors.AsType[*job.Invalid](err); invalid {
		return misused{err}
	}
	if err != nil {
		return err
	}
	id.Trust, id.Every = trust, enrolled.Every
	if policy != nil {
		err = h.SavePolicy(*policy) // before it counts as enrolled, so that it never runs without
	} else {
		policy, err = h.Policy() // one that it is held to already stays
	}
	switch {
	case err != nil:
	case o.again:
		err = h.Renew(id)
	default:
		if err = h.Forget(); err == nil { // of an identity that was given up, say
			err = h.Save(id)
		}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "enrolled as %s with %s; the server's trust document is %s\n", id.Asset, id.Server, manifest.TrustFingerprint(trust))
	if err == nil && policy != nil {
		_, err = fmt.Fprintf(p.out, "held to signer policy %s\n", policy.Digest())
	}
	return err
}

// check reads what the flags name, and tells everything that is wrong with them.
func (o *enrolment) check() (token, roots string, policy *integrity.Policy, err error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(o.server); o.server == "" || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("--server: %q is no http or https URL", o.server)
	}
	switch {
	case (o.token == "") == (o.tokenFile == ""):
		bad("give the enrolment token with either --token-file or --token")
	case o.token != "":
		token = o.token
	default:
		var data []byte
		err := owned.Check(o.tokenFile, owned.Secret)
		if err == nil || o.tokenFile == "-" {
			data, err = readInput(o.tokenFile)
		}
		token = strings.TrimSpace(string(data))
		if err != nil {
			bad("--token-file: %w", err)
		} else if token == "" {
			bad("--token-file: %s is empty", o.tokenFile)
		}
	}
	if tokens.IsAdmin(token) {
		bad("this is the administrator's token, which no agent must have: make an enrolment token with \"server token create\"")
	}
	if o.name == "" {
		if o.name, err = os.Hostname(); err != nil {
			bad("this machine's name is not known, give one with --name: %w", err)
		}
	}
	if err := job.ValidID(o.name); err != nil {
		bad("--name: %w", err)
	}
	if o.fingerprint != "" && !isFingerprint(o.fingerprint) {
		bad("--fingerprint: %q is no fingerprint: want \"sha256:\" and 64 hex digits", o.fingerprint)
	}
	if o.ca != "" {
		data, err := readInput(o.ca)
		if err != nil {
			bad("--ca: %w", err)
		} else if !x509.NewCertPool().AppendCertsFromPEM(data) {
			bad("--ca: %s holds no certificate in PEM", o.ca)
		}
		roots = string(data)
	}
	if o.policy != "" {
		if policy, err = readPolicy(o.policy); err != nil {
			bad("--policy: %w", err)
		}
	}
	if o.state == "" {
		bad("--state: name a folder")
	}
	if err := errors.Join(errs...); err != nil {
		return "", "", nil, misused{err}
	}
	o.fingerprint = strings.ToLower(o.fingerprint)
	return token, roots, policy, nil
}

func isFingerprint(s string) bool {
	sum, has := strings.CutPrefix(strings.ToLower(s), "sha256:")
	_, err := hex.DecodeString(sum)
	return has && err == nil && len(sum) == 64
}

// readInput reads a file that a flag names.
func readInput(name string) ([]byte, error) {
	var in io.Reader = os.Stdin
	if name != "-" {
		if err := owned.CheckLinked(name, owned.State); err != nil {
			return nil, err
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var data bytes.Buffer
	if _, err := io.Copy(&data, io.LimitReader(in, maxInput+1)); err != nil {
		return nil, err
	}
	if data.Len() > maxInput {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxInput)
	}
	return data.Bytes(), nil
}
