package aptfeed

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
)

// byRelease is what promises sizes and digests.
const byRelease = "the Release file"

// remote is a repository that is reached over http, https or file.
type remote struct {
	source source
	client fetch.Client
	cache  cache
}

func (r *remote) where(path string) string { return r.source.base() + path }

func (r *remote) read(ctx context.Context, name string, have fetch.Validators) ([]byte, fetch.Validators, error) {
	return r.client.Get(ctx, r.where(name), have, maxInRelease)
}

// open fetches a package list in the smallest form that exists. It checks the
// bytes before anything unpacks them.
func (r *remote) open(ctx context.Context, list string, rel release) (packed, error) {
	err := error(fault.New(fault.Missing, r.where(list), nil, "the Release file does not list it"))
	for _, extension := range fetchedAs {
		sum, has := rel.files[list+extension]
		if !has {
			continue
		}
		where := r.where(list + extension)
		if sum.Size > maxIndex {
			return packed{}, fault.New(fault.TooLarge, where, nil, "it has %d bytes, at most %d are allowed", sum.Size, maxIndex)
		}
		data := r.cache.list(sum)
		if data == nil {
			if data, err = r.fetch(ctx, where, sum, rel.byHash); fault.Is(err, fault.Missing) {
				continue // some repositories list forms that they do not have
			}
			if err != nil {
				return packed{}, err
			}
			_ = r.cache.write(listPrefix+sum.Digest.Sum, data) // keeping the Release file reports what fails
		}
		return packed{io.NopCloser(bytes.NewReader(data)), extension, where}, nil
	}
	return packed{}, err
}

// fetch gets a list, at its by-hash address if the repository offers one: the
// content of such an address never changes while the repository is being
// updated.
func (r *remote) fetch(ctx context.Context, where string, sum repository.FileSum, offered bool) ([]byte, error) {
	if offered && r.source.byHash != "never" || r.source.byHash == "always" {
		algorithm := strings.ToUpper(sum.Digest.Algorithm.String())
		byHash := where[:len(where)-len(path.Base(where))] + "by-hash/" + algorithm + "/" + sum.Digest.Sum
		data, _, err := r.client.Get(ctx, byHash, fetch.Validators{}, sum.Size)
		if !fault.Is(err, fault.Missing) {
			return repository.Checked(data, err, byHash, byRelease, sum)
		}
	}
	data, _, err := r.client.Get(ctx, where, fetch.Validators{}, sum.Size)
	return repository.Checked(data, err, where, byRelease, sum)
}
