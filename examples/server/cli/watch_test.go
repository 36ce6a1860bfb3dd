package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
)

// A watch goes on while the server restarts. It ends when the server says that
// the run is gone.
func TestWatchOutlivesTheServer(t *testing.T) {
	var calls atomic.Int32
	gone := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case adminhttp.Prefix + "runs/r":
			state := "making"
			switch n := calls.Add(1); {
			case n == 2, n == 3: // 3 is the second try of net/http
				panic(http.ErrAbortHandler) // closes the connection
			case n > 3 && gone:
				http.Error(w, `{"error": "there is no run"}`, http.StatusNotFound)
				return
			case n > 3:
				state = "cancelled"
			}
			_, _ = fmt.Fprintf(w, `{"id": "r", "job": "j", "state": %q, "settled": %t}`, state, state == "cancelled")
		case adminhttp.Prefix + "runs/r/assets":
			_, _ = fmt.Fprint(w, `[]`)
		default:
			_, _ = fmt.Fprint(w, `{}`)
		}
	}))
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("ppa_0123456789abcdef\n"), 0o600))
	for _, gone = range []bool{false, true} {
		calls.Store(0)
		var out, errs bytes.Buffer
		root := &cobra.Command{Use: "server"}
		root.AddCommand(Commands()...)
		root.SetOut(&out)
		root.SetErr(&errs)
		root.SetArgs([]string{"run", "show", "r", "--watch", "--every", "100ms", "--server", server.URL, "--admin-token", token})
		code := Run(root)
		require.Contains(t, errs.String(), "the server does not answer, trying again", "%s", &out)
		require.EqualValues(t, 4, calls.Load())
		if gone {
			require.Equal(t, ExitFailed, code)
			require.Contains(t, errs.String(), "there is no run")
			continue
		}
		require.Zero(t, code, errs.String())
		require.Contains(t, out.String(), "cancelled")
	}
}
