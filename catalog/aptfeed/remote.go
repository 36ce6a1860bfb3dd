package aptfeed

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// remote is a repository that is reached over http, https or file.
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
	text, v, err := get(ctx, r.in, r.client, where, have, maxInRelease)
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

// detached gets the older pair of files. Instead is the error if they are
// missing too.
func (r *remote) detached(ctx context.Context, instead error) (signedRelease, error) {
	where := r.source.base() + "Release"
	text, _, err := get(ctx, r.in, r.client, where, validators{}, maxInRelease)
	if is(err, Missing) {
		return signedRelease{}, instead
	}
	if err != nil {
		return signedRelease{}, err
	}
	signature, _, err := get(ctx, r.in, r.client, where+".gpg", validators{}, maxInRelease)
	if is(err, Missing) {
		return signedRelease{}, fail(Unsigned, where, nil, "it has neither InRelease nor Release.gpg: the repository is not signed")
	}
	if err != nil {
		return signedRelease{}, err
	}
	return signedRelease{text: text, detached: append([]byte{}, signature...), where: where}, nil
}

// open fetches a package list in the smallest form that exists. It checks the
// bytes before anything unpacks them.
func (r *remote) open(ctx context.Context, list string, rel release) (packed, error) {
	err := error(fail(Missing, r.source.base()+list, nil, "the Release file does not list it"))
	for _, extension := range fetchedAs {
		sum, has := rel.files[list+extension]
		if !has {
			continue
		}
		where := r.source.base() + list + extension
		if sum.size > maxIndex {
			return packed{}, fail(TooLarge, where, nil, "it has %d bytes, at most %d are allowed", sum.size, maxIndex)
		}
		data := r.cache.list(sum)
		if data == nil {
			if data, err = r.fetch(ctx, where, sum, rel.byHash); is(err, Missing) {
				continue // some repositories list forms that they do not have
			}
			if err != nil {
				return packed{}, err
			}
			r.cache.hold(sum, data)
		}
		return packed{io.NopCloser(bytes.NewReader(data)), extension, where}, nil
	}
	return packed{}, err
}

// fetch gets a list, at its by-hash address if the repository offers one: the
// content of such an address never changes while the repository is being
// updated.
func (r *remote) fetch(ctx context.Context, where string, sum fileSum, offered bool) ([]byte, error) {
	if offered && r.source.byHash != "never" || r.source.byHash == "always" {
		algorithm := strings.ToUpper(sum.digest.Algorithm.String())
		byHash := where[:len(where)-len(path.Base(where))] + "by-hash/" + algorithm + "/" + sum.digest.Sum
		data, _, err := get(ctx, r.in, r.client, byHash, validators{}, sum.size)
		if !is(err, Missing) {
			return checked(data, err, byHash, sum)
		}
	}
	data, _, err := get(ctx, r.in, r.client, where, validators{}, sum.size)
	return checked(data, err, where, sum)
}

// checked checks what was fetched against the Release file.
func checked(data []byte, err error, where string, sum fileSum) ([]byte, error) {
	switch {
	case is(err, TooLarge):
		return nil, fail(Mismatch, where, nil, "it is longer than the %d bytes that the Release file promises", sum.size)
	case err != nil:
		return nil, err
	}
	if got := sum.of(data); got != sum {
		return nil, fail(Mismatch, where, nil, "it has %d bytes with %s, and the Release file promises %d with %s: somebody changed it, or the mirror is being updated", got.size, got.digest, sum.size, sum.digest)
	}
	return data, nil
}

// of sums up data by the same algorithm.
func (s fileSum) of(data []byte) fileSum {
	hash := s.digest.Algorithm.Hash().New()
	hash.Write(data)
	return fileSum{int64(len(data)), integrity.Digest{Algorithm: s.digest.Algorithm, Sum: hex.EncodeToString(hash.Sum(nil))}}
}

// sumOf sums up data by SHA-256.
func sumOf(data []byte) fileSum {
	return fileSum{digest: integrity.Digest{Algorithm: integrity.SHA256}}.of(data)
}
