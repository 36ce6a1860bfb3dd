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

// LocalError reports that an order names a file of this computer outside the
// folder for such files (INT-11). Otherwise whoever makes orders could have the
// agent read, with all its rights, any file.
type LocalError struct {
	Path   string
	Folder string // the folder for such files; empty: none
}

func (e *LocalError) Error() string {
	if e.Folder == "" {
		return fmt.Sprintf("%s is a file of this computer, and this agent fetches none (INT-11): serve it over http or https, or set a folder for local files on the agent", e.Path)
	}
	return fmt.Sprintf("%s is not in %s, the folder for local files of this agent (INT-11): move it there, or serve it over http or https", e.Path, e.Folder)
}

// codeOf is PatchURLMissing for an address that no later try can use, otherwise
// FileDownloadFailed.
func codeOf(err error) job.Code {
	if _, is := errors.AsType[*LocalError](err); is {
		return job.PatchURLMissing
	}
	return job.FileDownloadFailed
}

// openLocal opens the file of a file URL at its beginning.
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
