package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

type request struct {
	server, tokenFile, prefix     string
	agents, connections, packages int
	lasts                         time.Duration
}

// Command is "simulate load".
func Command() *cobra.Command {
	var r request
	c := &cobra.Command{
		Use:   "load",
		Short: "Call a real server as many agents would, and measure its answers",
		Long: `Call a real server as many agents would, and measure its answers.

The agents enrol with a token, send one inventory, which is the same for all, and
then call again and again without a pause. While no order is open for them, their
calls bring nothing new. Enable a job for their tag to measure hand-outs and
reports: they report each order as completed. They stay enrolled when the command
ends; "server asset remove" removes them.`,
		Example: `  server token create --uses 2000 --tag load > token
  simulate load --server http://127.0.0.1:8443 --token-file token --agents 2000 --for 30s`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return r.run(c.Context(), c.OutOrStdout()) },
	}
	f := c.Flags()
	f.StringVar(&r.server, "server", "http://127.0.0.1:8443", "base URL of the server")
	f.StringVar(&r.tokenFile, "token-file", "token", "file with the enrolment token")
	f.StringVar(&r.prefix, "prefix", fmt.Sprintf("load-%x", time.Now().Unix()), "what the names of the assets begin with")
	f.IntVar(&r.agents, "agents", 1000, "how many agents")
	f.IntVar(&r.connections, "connections", 8, "how many of them call at the same time")
	f.IntVar(&r.packages, "packages", 300, "packages in the inventory")
	f.DurationVar(&r.lasts, "for", 10*time.Second, "how long they call")
	return c
}

// measured is what one connection saw.
type measured struct {
	took    []time.Duration
	reports int
}

func (r request) run(ctx context.Context, out io.Writer) error {
	if r.agents < 1 || r.connections < 1 || r.packages < 1 || r.lasts <= 0 {
		return errors.New("--agents, --connections, --packages and --for must be positive")
	}
	r.connections = min(r.connections, r.agents)
	token, err := os.ReadFile(r.tokenFile)
	if err != nil {
		return err
	}
	inventory, err := image(r.packages)
	if err != nil {
		return err
	}
	fleets := make([][]*agent, r.connections)
	phase := func(what string, do func(ctx context.Context, i int, m *measured) error) error {
		all := make([]measured, r.connections)
		begun := time.Now()
		group, ctx := errgroup.WithContext(ctx)
		for i := range all {
			group.Go(func() error { return do(ctx, i, &all[i]) })
		}
		err := group.Wait()
		report(out, what, all, time.Since(begun))
		return err
	}
	digest := inventory.Digest()
	err = phase("enrol and send the inventory", func(ctx context.Context, i int, m *measured) error {
		transport := &http.Transport{MaxIdleConnsPerHost: 1}
		for n := i; n < r.agents; n += r.connections {
			a, err := enrol(ctx, r.server, strings.TrimSpace(string(token)), job.AssetID(fmt.Sprintf("%s-%d", r.prefix, n)), transport)
			if err != nil {
				return err
			}
			fleets[i] = append(fleets[i], a)
			if err := m.call(ctx, a, &inventory, digest); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return phase("call", func(ctx context.Context, i int, m *measured) error {
		for n, end := 0, time.Now().Add(r.lasts); time.Now().Before(end); n++ {
			if err := m.call(ctx, fleets[i][n%len(fleets[i])], &inventory, digest); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *measured) call(ctx context.Context, a *agent, inventory *catalog.Inventory, digest string) error {
	begun := time.Now()
	reported, err := a.call(ctx, inventory, digest)
	m.took, m.reports = append(m.took, time.Since(begun)), m.reports+reported
	return err
}

func report(out io.Writer, what string, all []measured, took time.Duration) {
	var calls []time.Duration
	reports := 0
	for _, m := range all {
		calls, reports = append(calls, m.took...), reports+m.reports
	}
	if len(calls) == 0 {
		return
	}
	slices.Sort(calls)
	rate := func(n int) float64 { return float64(n) / took.Seconds() }
	fmt.Fprintf(out, "%s: %d in %v, %.0f/s, median %v, 99 %% within %v", what, len(calls), took.Round(time.Millisecond), rate(len(calls)),
		calls[len(calls)/2].Round(time.Microsecond), calls[len(calls)*99/100].Round(time.Microsecond))
	if reports > 0 {
		fmt.Fprintf(out, "; %d reports, %.0f/s", reports, rate(reports))
	}
	fmt.Fprintln(out)
}
