package inroot

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// gone is a file on a mount that is gone: a read returns when it likes.
type gone struct{ let chan struct{} }

func (g gone) Read(p []byte) (int, error) { <-g.let; return copy(p, "late"), nil }
func (g gone) Close() error               { <-g.let; return nil }

func TestReadsEndWithTheirContext_INT11(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g := gone{make(chan struct{})}
		body := until(ctx, g)
		p := make([]byte, 10)
		_, err := body.Read(p)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, body.Close())
		close(g.let)
		synctest.Wait()
		require.Equal(t, make([]byte, 10), p, "what comes late is nobody's")
	})
}
