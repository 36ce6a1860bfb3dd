package rpmfeed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// Config says which repository a feed reads, and how.
type Config struct {
	Channel       string            // the repository's id, like "baseos", as assets are configured with it
	URL           string            // http, https or file, without a password: the folder that has repodata; empty, with Metadata: the asset's package manager fetches packages
	Metadata      string            // the folder on this machine that has repodata, like one that dnf downloaded; empty: at URL
	Root          string            // the system of Metadata, which its links do not leave; default "/"
	Architectures []string          // wanted ones, the native one first, like x86_64; noarch packages belong to it
	Keyring       []byte            // OpenPGP keys, binary or armored: one must have signed repomd.xml
	Unsigned      bool              // repomd.xml is not signed: whoever controls the connection or mirror controls the feed
	Vendor        string            // of the packages, as the administrator calls it; empty: none
	Client        *http.Client      // default: a client with a proxy from the environment and a time limit
	Now           func() time.Time  // the clock; default time.Now
	MaxAge        time.Duration     // age of repomd.xml at which the feed is stale; zero: no limit (CAT-2)
	Only          func(string) bool // reports whether a package of this name is wanted; nil: all
}

// Feed is one RPM repository. It is a [catalog.Feed] and safe for concurrent
// use.
type Feed struct {
	config   Config
	base     string // address of the packages
	metadata string // address of the folder that has repodata
	client   fetch.Client
	keys     *openpgp.Verifier // nil: Config.Unsigned

	mu   sync.Mutex
	held signed
}

var _ catalog.Feed = (*Feed)(nil)

// signed is repomd.xml with its signature. Zero: none.
type signed struct {
	text, signature []byte
	validators      fetch.Validators
	date            time.Time
}

// New returns a feed of a repository. It fetches nothing. The error is an
// *[Error] with the cause Refused or Keyring.
func New(c Config) (*Feed, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	f := &Feed{config: c, base: strings.TrimSuffix(c.URL, "/") + "/", client: fetch.NewClient(c.Client, fetch.System(c.Root), "")}
	if f.metadata = f.base; c.Metadata != "" {
		f.metadata = (&url.URL{Scheme: "file", Path: strings.TrimSuffix(c.Metadata, "/") + "/"}).String()
	}
	refuse := func(format string, args ...any) (*Feed, error) {
		return nil, fault.New(fault.Refused, string(f.ID()), nil, format, args...)
	}
	switch {
	case !validName(c.Channel, idBytes):
		return nil, fault.New(fault.Refused, "Channel", nil, "%.80q is not a repository id: want letters, digits and +-._:", c.Channel)
	case c.URL == "" && c.Metadata != "":
		f.base = ""
	case !validURL(c.URL):
		return refuse("%.200q is not an http, https or file URL of a repository, without a query and a password", fetch.Redacted(c.URL))
	}
	switch {
	case len(c.Architectures) == 0 || slices.ContainsFunc(c.Architectures, func(a string) bool { return !validName(a, archBytes) || a == NoArch }):
		return refuse("%.200q are not architectures: want the native one first, like x86_64", c.Architectures)
	case c.Vendor != "" && !repository.Showable(c.Vendor):
		return refuse("%.80q is not a vendor's name", c.Vendor)
	case c.Unsigned == (len(c.Keyring) > 0):
		return refuse("set either Keyring, the keys that sign repomd.xml, or Unsigned")
	case c.Unsigned:
		return f, nil
	}
	var err error
	trust := integrity.OpenPGPTrust{Keyring: string(c.Keyring)}
	if f.keys, err = openpgp.New(integrity.Signer{Name: "the repository", OpenPGP: []integrity.OpenPGPTrust{trust}}); err != nil {
		return nil, fault.New(fault.Keyring, string(f.ID()), err, "the keyring cannot be used")
	}
	return f, nil
}

// validURL accepts the address of a folder, without a password: every agent
// would get it with the addresses of packages.
func validURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return false
	}
	if u.Scheme == "file" {
		return u.Host == "" && u.Path != ""
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// ID returns "rpm:" and the channel.
func (f *Feed) ID() catalog.FeedID { return catalog.FeedID("rpm:" + f.config.Channel) }

// Fetch verifies repomd.xml and reads the files that it names. It returns an
// *[Error], or the context's error. It uses nothing of a repository that it
// cannot verify as a whole. The batch is Unchanged if repomd.xml is that of the
// last one.
func (f *Feed) Fetch(ctx context.Context) (catalog.Batch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.config.Now().UTC()
	b, next, err := f.read(ctx, now)
	if err != nil {
		return catalog.Batch{}, err
	}
	f.held = next
	b.Feed, b.At, b.Local, b.Dated, b.MaxAge = f.ID(), now, strings.HasPrefix(f.base, "file:"), next.date, f.config.MaxAge
	b.Names = []string{"rpm/" + f.config.Channel + "/"}
	if f.keys != nil && f.config.Vendor != "" {
		b.Authority = "rpm:" + f.config.Vendor + " by " + repository.Sum(f.config.Keyring).Digest.Sum[:16]
	}
	return b, nil
}

func (f *Feed) read(ctx context.Context, now time.Time) (b catalog.Batch, next signed, err error) {
	where := f.metadata + "repodata/repomd.xml"
	if next, err = f.signed(ctx, where); err != nil {
		return b, next, err
	}
	if err := f.verify(next, where, now); err != nil {
		return b, next, err
	}
	m, err := parseRepomd(next.text, where)
	switch next.date = m.date; {
	case err != nil:
		return b, next, err
	case m.date.After(now.Add(maxAhead)):
		return b, next, fault.New(fault.NotYetValid, where, nil, "it is dated %s and it is %s here: check the clock", m.date.Format(time.RFC3339), now.Format(time.RFC3339))
	case bytes.Equal(next.text, f.held.text):
		b.Unchanged = true
		return b, next, nil
	}
	p := packages{config: &f.config, base: f.base}
	if file, has := m.files["modules"]; has {
		err = f.open(ctx, file, func(in io.Reader) (err error) {
			p.modular, err = modular(in)
			return err
		})
	}
	if file, has := m.files["updateinfo"]; has && err == nil {
		err = f.open(ctx, file, func(in io.Reader) error { return p.advice.read(in, &f.config) })
	}
	if err == nil {
		err = f.open(ctx, m.files["primary"], p.read)
	}
	p.rejects.Join(p.advice.rejects)
	return catalog.Batch{Products: p.products, Patches: p.patches, Advisories: p.advice.advisories, Rejected: p.rejects.List(f.ID())}, next, err
}

// signed fetches repomd.xml and its signature, or returns what is held if it
// did not change.
func (f *Feed) signed(ctx context.Context, where string) (next signed, err error) {
	next.text, next.validators, err = f.client.Get(ctx, where, f.held.validators, maxRepomd)
	if errors.Is(err, fetch.ErrNotModified) {
		return f.held, nil
	}
	if err != nil || f.keys == nil {
		return next, err
	}
	next.signature, _, err = f.client.Get(ctx, where+".asc", fetch.Validators{}, maxRepomd)
	if fault.Is(err, fault.Missing) {
		err = fault.New(fault.Unsigned, where, nil, "its signature, repomd.xml.asc, is missing")
	}
	return next, err
}

// verify checks the signature, at every fetch: keys expire.
func (f *Feed) verify(s signed, where string, now time.Time) error {
	if f.keys == nil {
		return nil
	}
	if len(bytes.TrimSpace(s.signature)) == 0 {
		return fault.New(fault.Unsigned, where, nil, "its signature, repomd.xml.asc, is empty")
	}
	r, err := f.keys.At(now).Inspect(bytes.NewReader(s.text), int64(len(s.text)), s.signature)
	switch {
	case err != nil:
		return fault.New(fault.BadSignature, where, err, "the signature cannot be checked")
	case r.Answer.Status != integrity.Valid:
		return repository.Untrusted(r, where, "its configuration")
	}
	return nil
}
