package controller

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Token lets agents enrol. The secret itself is not kept, only its SHA-256, by
// which it is named.
type Token struct {
	ID      string    `json:"id"`               // hex of the secret's SHA-256
	Name    string    `json:"name,omitempty"`   // for people
	Expires time.Time `json:"expires,omitzero"` // UTC; zero: never
	Uses    int       `json:"uses"`             // enrolments left; on AddToken, zero is 1
	Tags    []string  `json:"tags,omitempty"`   // given to every asset that enrols with it; an agent chooses none
	Names   string    `json:"names,omitempty"`  // pattern, as of path.Match, that the asset's name must fit ("lab-*"); empty: any name
	Created time.Time `json:"created"`
}

// minSecret is the length of 16 random bytes in base64.
const minSecret = 22

// AddToken makes an enrolment token from a secret that the caller chose at
// random (22 to manifest.MaxToken bytes). It sets ID and Created of t. Adding
// the same secret again replaces the token.
func (c *Controller) AddToken(ctx context.Context, secret string, t Token, now time.Time) (Token, error) {
	if len(secret) < minSecret || len(secret) > manifest.MaxToken {
		return Token{}, problem.One("token", "secret", "", "has %d bytes; give %d to %d random bytes", len(secret), minSecret, manifest.MaxToken)
	}
	if t.Uses == 0 {
		t.Uses = 1
	}
	if err := bound("number of uses", t.Uses, MaxTokenUses); err != nil {
		return Token{}, err
	}
	if !t.Expires.IsZero() && !t.Expires.After(now) {
		return Token{}, problem.One("token", "expires", t.Expires.Format(time.RFC3339), "is in the past; give a later time")
	}
	if _, err := path.Match(t.Names, ""); err != nil || len(t.Names) > manifest.MaxWord || strings.Contains(t.Names, "/") || !utf8.ValidString(t.Names) {
		return Token{}, problem.One("token", "names", t.Names,
			"is not a valid name pattern; write at most %d bytes, with * for any text, ? for one character and [a-c] for one of several, for example lab-*", manifest.MaxWord)
	}
	tags, err := cleanTags(t.Tags)
	if err != nil {
		return Token{}, err
	}
	t.ID, t.Name, t.Tags, t.Created = hash(secret), problem.Clip(t.Name, ledger.MaxName), tags, instant(now)
	if !t.Expires.IsZero() {
		t.Expires = instant(t.Expires)
	}
	return t, c.update(ctx, now, func(x *tx) {
		x.acted(TokenAdded, t.ID, fmt.Sprintf("name %q, %d uses", t.Name, t.Uses))
		x.save(tableTokens, key(t.ID), t)
	})
}

// Tokens lists the tokens by id, those used up or expired included.
func (c *Controller) Tokens(ctx context.Context) ([]Token, error) {
	return view(ctx, c, func(r *reader) []Token { return all[Token](r, tableTokens) })
}

// fits says whether the token is for an asset of this name.
func (t Token) fits(name job.AssetID) bool {
	ok, err := path.Match(t.Names, string(name))
	return t.Names == "" || ok && err == nil
}

// RemoveToken removes a token. Assets that enrolled with it stay.
func (c *Controller) RemoveToken(ctx context.Context, id string, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		token, found := load[Token](t.reader, tableTokens, key(id))
		if !found {
			t.fail(&NotFoundError{"token", id})
		}
		t.acted(TokenRemoved, id, token.Name)
		t.delete(tableTokens, key(id))
	})
}

// Enrol makes the calling computer an asset. Errors wrap manifest.ErrInvalid,
// ErrBadToken and ErrAssetExists. The same enrolment sent again is answered the
// same and uses the token once. The key of a removed asset is not taken back
// (MAN-10).
func (c *Controller) Enrol(ctx context.Context, e manifest.Enrolment, now time.Time) (manifest.Enrolled, error) {
	if err := e.Validate(); err != nil {
		return manifest.Enrolled{}, fmt.Errorf("%w: %w", manifest.ErrInvalid, err)
	}
	id := hash(e.Token)
	known, err := view(ctx, c, func(r *reader) bool { // no guess costs a write
		_, found := load[Token](r, tableTokens, key(id))
		rec, known := r.findAsset(e.Asset)
		return found || known && rec.Token == id
	})
	if err != nil || !known {
		return manifest.Enrolled{}, cmp.Or(err, fmt.Errorf("%w: it is not known", manifest.ErrBadToken))
	}
	err = c.update(ctx, now, func(t *tx) {
		old, known := t.findAsset(e.Asset)
		token, found := load[Token](t.reader, tableTokens, key(id))
		removed, former := t.former(e.Asset, manifest.Fingerprint(e.Key))
		same := known && ed25519.PublicKey(old.Key).Equal(e.Key)
		switch {
		case former:
			t.fail(fmt.Errorf("%w: the key is that of asset %q as it was removed at %s, and is not taken back; enrol with a new one: agent enrol --again",
				manifest.ErrInvalid, e.Asset, removed.At.Format(time.RFC3339)))
		case same && old.Token == id:
			return
		case !found:
			t.fail(fmt.Errorf("%w: it is not known", manifest.ErrBadToken))
		case token.Uses <= 0:
			t.fail(fmt.Errorf("%w: it is used up", manifest.ErrBadToken))
		case !token.Expires.IsZero() && !t.now.Before(token.Expires):
			t.fail(fmt.Errorf("%w: it expired at %s", manifest.ErrBadToken, token.Expires.Format(time.RFC3339)))
		case !token.fits(e.Asset):
			t.fail(fmt.Errorf("%w: it is not for the name %q; ask the administrator which names it is for", manifest.ErrBadToken, e.Asset))
		case known && !same:
			t.fail(fmt.Errorf("%w: %q", manifest.ErrAssetExists, e.Asset))
		}
		token.Uses--
		t.save(tableTokens, key(id), token)
		rec := assetRecord{
			Asset: job.Asset{ID: e.Asset, Platform: e.Platform}, Key: e.Key, Exchange: e.Exchange, Token: id,
			Architecture: e.Architecture, Hostname: e.Hostname, Version: e.Version, Enrolled: t.now,
		}
		tags := slices.Concat(old.Tags, token.Tags)
		slices.Sort(tags)
		var err error
		if rec.Tags, err = cleanTags(slices.Compact(tags)); err != nil {
			t.fail(fmt.Errorf("%w: %w", manifest.ErrInvalid, err))
		}
		seen := t.seen(e.Asset)
		var was time.Time
		if known {
			was = old.heard(seen)
		}
		t.moveHeard(e.Asset, was, rec.heard(seen))
		t.save(tableAssets, key(string(e.Asset)), rec)
		t.acted(AssetEnrolled, string(e.Asset), fmt.Sprintf("token %s, name %q", id, token.Name))
		t.join(rec.Asset)
	})
	if err != nil {
		return manifest.Enrolled{}, err
	}
	return manifest.Enrolled{Asset: e.Asset, Every: c.config.Every, Format: manifest.Format}, nil
}

// Trust returns every version of the trust document (MAN-13).
func (c *Controller) Trust() manifest.Chain { return c.config.Trust }

// Secrets returns the secrets that may authenticate a call of an asset: one for
// the asset's key named keyID (manifest.Fingerprint) with each exchange key of
// the server (MAN-12). The asset has the name id now, or had it and was removed
// in the last 90 days (MAN-10). The error wraps manifest.ErrUnknownAsset if
// there is no such asset or key.
func (c *Controller) Secrets(ctx context.Context, id job.AssetID, keyID string) ([]manifest.Secret, error) {
	if k := c.known.get(id); k != nil && keyID == k.keyID {
		return c.secretsOf(id, keyID, k.exchange)
	}
	exchange, err := view(ctx, c, func(r *reader) []byte {
		r.called(id)
		if rec, found := r.findAsset(id); found && keyID == manifest.Fingerprint(rec.Key) {
			return rec.Exchange
		}
		removed, found := r.removed(id, keyID)
		if !found {
			r.fail(fmt.Errorf("%w: %q with the key %q", manifest.ErrUnknownAsset, id, problem.Clip(keyID, ledger.MaxName)))
		}
		return removed.Exchange
	})
	if err != nil {
		return nil, err
	}
	return c.secretsOf(id, keyID, exchange)
}

// enrolled is asset with the error that agents receive.
func (r *reader) enrolled(id job.AssetID) assetRecord {
	r.called(id)
	rec, found := r.findAsset(id)
	if !found {
		r.fail(fmt.Errorf("%w: %q", manifest.ErrUnknownAsset, id))
	}
	return rec
}

// called fails for a name that no asset can have.
func (r *reader) called(id job.AssetID) {
	if err := job.ValidID(string(id)); err != nil {
		r.fail(fmt.Errorf("%w: %w", manifest.ErrUnknownAsset, err))
	}
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
