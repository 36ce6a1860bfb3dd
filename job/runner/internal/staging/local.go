package staging

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/job"
)

// LocalError says that an order names a file of this computer that it may not (INT-11): whoever makes orders would have the
// agent read, with all its rights, what is not theirs.
type LocalError struct {
	Path   string
	Folder string // below which such files may be; empty: nowhere
}

func (e *LocalError) Error() string {
	if e.Folder == "" {
		return fmt.Sprintf("%s is a file of this computer, and this agent fetches none (INT-11): serve it over http or https, or let the agent have a folder for such files", e.Path)
	}
	return fmt.Sprintf("%s is not in %s, the folder of this computer that this agent fetches from (INT-11)", e.Path, e.Folder)
}

// codeOf tells a download that failed from an address that no later try can use.
func codeOf(err error) job.Code {
	if _, is := errors.AsType[*LocalError](err); is {
		return job.PatchURLMissing
	}
	return job.FileDownloadFailed
}

// openLocal opens the file of a file URL, from the beginning.
func openLocal(ctx context.Context, folder string, a address) (response, *trouble) {
	path := a.path()
	rel, err := filepath.Rel(folder, path)
	if folder == "" || err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return response{}, &trouble{err: &LocalError{path, folder}}
	}
	f, size, err := inroot.OpenContext(ctx, folder, rel)
	if err != nil {
		return response{}, &trouble{err: err}
	}
	return response{body: f, total: size}, nil
}
