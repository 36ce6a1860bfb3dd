package aptfeed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"path"
)

// remote is a repository, reached over http, https or file.
type remote struct {
	source source
	client *http.Client
	cache  cache
	in     system
}

func (r *remote) signed(ctx context.Context, last signedRelease) (signedRelease, error) {
	where := r.source.base() + "InRelease"
	have := last.validators
	if last.detached != nil {
		have = validators{}
	}
	text, v, err := get(ctx, r.in, r.client, where, have, MaxInRelease)
	switch {
	case errors.Is(err, errNotModified):
		return last, nil
	case is(err, Missing):
		return r.detached(ctx, err)
	case err != nil:
		return signedRelease{}, err
	case len(text) == 0:
		return signedRelease{}, fail(Unsigned, where, nil, "it is empty")
	}
	return signedRelease{text: text, where: where, validators: v}, nil
}

// detached gets the older pair of files; instead is the error if they are not there either.
func (r *remote) detached(ctx context.Context, instead error) (signedRelease, error) {
	where := r.source.base() + "Release"
	text, _, err := get(ctx, r.in, r.client, where, validators{}, MaxInRelease)
	if is(err, Missing) {
		return signedRelease{}, instead
	}
	if err != nil {
		return signedRelease{}, err
	}
	signature, _, err := get(ctx, r.in, r.client, where+".gpg", validators{}, MaxInRelease)
	if is(err, Missing) {
		return signedRelease{}, fail(Unsigned, where, nil, "there is neither InRelease nor Release.gpg: the repository is not signed")
	}
	if err != nil {
		return signedRelease{}, err
	}
	return signedRelease{text: text, detached: append([]byte{}, signature...), where: where}, nil
}

// open fetches a package list in the smallest form there is. Its bytes are checked before anything unpacks them.
func (r *remote) open(ctx context.Context, list string, rel release) (packed, error) {
	for _, extension := range fetchedAs {
		sum, has := rel.files[list+extension]
		if !has {
			continue
		}
		where := r.source.base() + list + extension
		if sum.size > MaxIndex {
			return packed{}, fail(TooLarge, where, nil, "it has %d bytes, the most is %d", sum.size, MaxIndex)
		}
		data := r.cache.list(sum)
		if data == nil {
			var err error
			if data, err = r.fetch(ctx, where, sum, rel.byHash); err != nil {
				return packed{}, err
			}
			r.cache.hold(sum, data)
		}
		return packed{io.NopCloser(bytes.NewReader(data)), extension, where}, nil
	}
	return packed{}, fail(Missing, r.source.base()+list, nil, "the Release file does not list it")
}

// fetch gets a list, under its digest if the repository offers that: such an address never changes its content while the
// repository is being updated.
func (r *remote) fetch(ctx context.Context, where string, sum fileSum, offered bool) ([]byte, error) {
	if offered && r.source.byHash != "never" || r.source.byHash == "always" {
		byHash := where[:len(where)-len(path.Base(where))] + "by-hash/SHA256/" + sum.sha256
		data, _, err := get(ctx, r.in, r.client, byHash, validators{}, sum.size)
		if !is(err, Missing) {
			return checked(data, err, byHash, sum)
		}
	}
	data, _, err := get(ctx, r.in, r.client, where, validators{}, sum.size)
	return checked(data, err, where, sum)
}

// checked holds what was fetched to the Release file's word.
func checked(data []byte, err error, where string, sum fileSum) ([]byte, error) {
	switch {
	case is(err, TooLarge):
		return nil, fail(Mismatch, where, nil, "it is longer than the %d bytes that the Release file promises", sum.size)
	case err != nil:
		return nil, err
	}
	if got := sumOf(data); got != sum {
		return nil, fail(Mismatch, where, nil, "it has %d bytes with SHA-256 %s, and the Release file promises %d with %s: tampered with, or the mirror is just being updated", got.size, got.sha256, sum.size, sum.sha256)
	}
	return data, nil
}

func sumOf(data []byte) fileSum {
	sum := sha256.Sum256(data)
	return fileSum{int64(len(data)), hex.EncodeToString(sum[:])}
}
