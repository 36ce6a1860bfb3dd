package aptfeed

import (
	"bytes"
	"context"
	"encoding/hex"
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

func (r *remote) where(path string) string { return r.source.base() + path }

func (r *remote) read(ctx context.Context, name string, have validators) ([]byte, validators, error) {
	return r.get(ctx, r.where(name), have, maxInRelease)
}

// open fetches a package list in the smallest form that exists. It checks the
// bytes before anything unpacks them.
func (r *remote) open(ctx context.Context, list string, rel release) (packed, error) {
	err := error(fail(Missing, r.where(list), nil, "the Release file does not list it"))
	for _, extension := range fetchedAs {
		sum, has := rel.files[list+extension]
		if !has {
			continue
		}
		where := r.where(list + extension)
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
		data, _, err := r.get(ctx, byHash, validators{}, sum.size)
		if !is(err, Missing) {
			return checked(data, err, byHash, sum)
		}
	}
	data, _, err := r.get(ctx, where, validators{}, sum.size)
	return checked(data, err, where, sum)
}

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

func (s fileSum) of(data []byte) fileSum {
	hash := s.digest.Algorithm.Hash().New()
	hash.Write(data)
	return fileSum{int64(len(data)), integrity.Digest{Algorithm: s.digest.Algorithm, Sum: hex.EncodeToString(hash.Sum(nil))}}
}

func sumOf(data []byte) fileSum {
	return fileSum{digest: integrity.Digest{Algorithm: integrity.SHA256}}.of(data)
}
