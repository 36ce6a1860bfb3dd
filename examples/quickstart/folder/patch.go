package folder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Format is the first field of every patch file.
const Format = "folder-patch-1"

// Bounds of a patch file.
const (
	MaxHeader = 1024   // bytes of its first line, with the line break
	MaxName   = 64     // bytes of a product's name, which is also a file name
	MaxMillis = 60_000 // milliseconds of an installation
)

// Patch is the first line of a patch file.
type Patch struct {
	Format  string            `json:"format"`
	Product catalog.ProductID `json:"product"`
	Version version.Version   `json:"version"`
	Millis  int64             `json:"millis,omitempty"` // how long the installation takes
	Reboot  bool              `json:"reboot,omitempty"` // the installation marks that a reboot is required
	Fails   string            `json:"fails,omitempty"`  // the installation fails with this text and changes nothing
}

// MalformedError lists everything that is wrong with a patch file.
type MalformedError struct{ Problems []string }

func (e *MalformedError) Error() string {
	return "not a folder patch: " + strings.Join(e.Problems, "; ")
}

func (p Patch) takes() time.Duration { return time.Duration(p.Millis) * time.Millisecond }

// File returns a whole patch file: the patch as one line, and the content. The
// error is a *MalformedError.
func (p Patch) File(content []byte) ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	line, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return slices.Concat(line, []byte{'\n'}, content), nil
}

// ReadPatch reads the first line of a patch file and returns a reader of the
// content. The error is a *MalformedError.
func ReadPatch(r io.Reader) (Patch, io.Reader, error) {
	in := bufio.NewReaderSize(r, MaxHeader)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return Patch{}, nil, &MalformedError{[]string{fmt.Sprintf("its first line does not end within %d bytes: %v", MaxHeader, err)}}
	}
	var p Patch
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&p); err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more follows the JSON object")
		}
	}
	if err != nil {
		return Patch{}, nil, &MalformedError{[]string{"its first line is not the JSON of a patch: " + err.Error()}}
	}
	return p, in, p.validate()
}

func (p Patch) validate() error {
	var problems []string
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	need(p.Format == Format, "its format is %.40q, want %q", p.Format, Format)
	need(validName(string(p.Product)), "its product is %.80q, want 1 to %d of a-z, 0-9 and -", p.Product, MaxName)
	need(!p.Version.IsZero(), "it names no version")
	need(p.Millis >= 0 && p.Millis <= MaxMillis, "its millis are %d, want 0 to %d", p.Millis, MaxMillis)
	if len(problems) > 0 {
		return &MalformedError{problems}
	}
	return nil
}

func validName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= MaxName
}
