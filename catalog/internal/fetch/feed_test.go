package fetch

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Package jsonfeed tests fetching as a whole; here is what it cannot reach.

func TestSizeLimit(t *testing.T) {
	const body = "a document"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "feed")
	require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
	parse := func(_ context.Context, _ catalog.FeedID, data []byte) (catalog.Batch, error) {
		require.Equal(t, body, string(data))
		return catalog.Batch{}, nil
	}
	for _, location := range []string{server.URL, path} {
		f, err := New("acme", location, Form{Limit: int64(len(body)), Parse: parse}, Options{})
		require.NoError(t, err)
		_, err = f.Fetch(t.Context())
		require.NoError(t, err)
		f, err = New("acme", location, Form{Limit: int64(len(body)) - 1, Parse: parse}, Options{})
		require.NoError(t, err)
		_, err = f.Fetch(t.Context())
		require.ErrorContains(t, err, fmt.Sprintf("over the limit of %d bytes", len(body)-1))
	}
}

func TestRejects_CAT16(t *testing.T) {
	var r Rejects
	require.Empty(t, r.List("acme"))
	for range MaxRejected + 3 {
		r.Add("x", strings.Split(strings.Repeat("y ", MaxReasons+1), " ")...)
	}
	list := r.List("acme")
	require.Len(t, list, MaxRejected+1)
	require.Equal(t, catalog.FeedID("acme"), list[0].Feed)
	require.Len(t, list[0].Reasons, MaxReasons+1)
	require.Equal(t, "and 2 more", list[0].Reasons[MaxReasons])
	require.Equal(t, "3 more records", list[MaxRejected].Record)
}
