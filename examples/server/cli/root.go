package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// The exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// usageError is a mistake on the command line.
type usageError struct{ error }

// Usage marks an error as a mistake on the command line.
func Usage(err error) error { return usageError{err} }

// Run runs one command line and returns the exit code.
func Run(root *cobra.Command) int {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetOut(problem.Writer(root.OutOrStdout())) // agents, feeds and vendors chose much of it
	root.SetErr(problem.Writer(root.ErrOrStderr()))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	strict(root)
	cmd, err := root.ExecuteC()
	if err == nil {
		return ExitOK
	}
	_, _ = fmt.Fprintln(root.ErrOrStderr(), "error:", problem.Lines(err.Error(), "  "))
	if e, ok := errors.AsType[*adminhttp.Error](err); ok {
		for _, p := range e.Problems {
			where := strings.TrimSpace(problem.Printable(p.Field) + " " + problem.Printable(p.Value))
			_, _ = fmt.Fprintf(root.ErrOrStderr(), "  %s: %s\n", where, problem.Lines(p.Text, "    "))
		}
	}
	if _, ok := errors.AsType[usageError](err); ok {
		_, _ = fmt.Fprintf(root.ErrOrStderr(), "see: %s --help\n", cmd.CommandPath())
		return ExitUsage
	}
	return ExitFailed
}

// strict makes every command refuse arguments it does not take, and a noun
// without its verb. It also fills the help texts.
func strict(cmd *cobra.Command) {
	cmd.Long = fill(cmd.Long)
	args := cmd.Args
	if args == nil {
		args = cobra.NoArgs
	}
	cmd.Args = func(c *cobra.Command, given []string) error {
		if err := args(c, given); err != nil {
			return usageError{err}
		}
		return nil
	}
	if cmd.HasSubCommands() && cmd.RunE == nil {
		cmd.RunE = func(c *cobra.Command, _ []string) error {
			_ = c.Help()
			return usageError{fmt.Errorf("%s needs a command", c.CommandPath())}
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// remote is how a command reaches the server, and how it prints.
type remote struct {
	server, token, ca       string
	asJSON, full, plainHTTP bool
	timeout                 time.Duration
}

// Commands returns the commands that talk to a running server, and "rule".
func Commands() []*cobra.Command {
	r := &remote{}
	all := []*cobra.Command{r.tokens(), r.assets(), r.patches(), r.jobs(), r.runs(), r.reports(), r.customURLs(), r.sync()}
	for _, c := range all {
		f := c.PersistentFlags()
		f.StringVar(&r.server, "server", "http://127.0.0.1:8443", "base URL of the server")
		f.StringVar(&r.token, "admin-token", serve.In("patchpolicy").AdminToken, "file with the administrator's token")
		f.BoolVar(&r.plainHTTP, "plain-http", false, "allow plain http to another computer, where others can read the administrator's token")
		f.StringVar(&r.ca, "ca", "", "PEM file with the authority of the server's certificate (default: the system's)")
		f.BoolVar(&r.asJSON, "json", false, "print JSON instead of a table")
		f.BoolVar(&r.full, "full", false, "print long texts in full; a table shows only their beginning")
		f.DurationVar(&r.timeout, "timeout", 10*time.Minute, "how long the server may take to answer")
	}
	return append(all, rules())
}

func (r *remote) client() (adminhttp.Client, error) {
	c := adminhttp.Client{Server: r.server}
	if u, err := user.Current(); err == nil {
		c.User = u.Username
	}
	u, err := url.Parse(r.server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return c, usageError{fmt.Errorf("--server %q: want http://HOST:PORT or https://HOST:PORT", r.server)}
	}
	if u.Scheme == "http" && !r.plainHTTP && !agenthttp.Loopback(u.Hostname()) {
		return c, usageError{fmt.Errorf("--server %q: over plain http others can read the administrator's token; give an https URL, or --plain-http", r.server)}
	}
	if r.timeout <= 0 {
		return c, usageError{fmt.Errorf("--timeout %v: want more than zero", r.timeout)}
	}
	if c.Token, err = serve.ReadToken(r.token); err != nil {
		return c, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if r.ca != "" {
		pem, err := os.ReadFile(r.ca)
		if err != nil {
			return c, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return c, fmt.Errorf("--ca %s holds no certificate", r.ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	c.HTTP = &http.Client{Timeout: r.timeout, Transport: transport}
	return c, nil
}

// do calls the server. With --json it prints the answer as it came, and done is
// true.
func do[T any](cmd *cobra.Command, r *remote, method, path string, query url.Values, in any) (out T, done bool, err error) {
	c, err := r.client()
	if err != nil {
		return out, false, err
	}
	var raw json.RawMessage
	if err := c.Do(cmd.Context(), method, path, query, in, &raw); err != nil {
		return out, false, err
	}
	if r.asJSON {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(string(job.NameCodes(raw))))
		return out, true, err
	}
	return out, false, json.Unmarshal(raw, &out)
}

// act calls the server for something without an answer, and prints what is done.
func act(cmd *cobra.Command, r *remote, method, path string, query url.Values, in any, done string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if err := c.Do(cmd.Context(), method, path, query, in, nil); err != nil {
		return err
	}
	if r.asJSON {
		done = "{}"
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), done)
	return err
}

// every reads a list page by page, from the item that follows after.
func every[T any](ctx context.Context, c adminhttp.Client, path string, query url.Values, after string, id func(T) string) ([]T, error) {
	const page = 500
	q := url.Values{"limit": {fmt.Sprint(page)}}
	for name, values := range query {
		q[name] = values
	}
	all := []T{}
	for {
		if after != "" {
			q.Set("after", after)
		}
		var some []T
		if err := c.Do(ctx, http.MethodGet, path, q, nil, &some); err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < page {
			return all, nil
		}
		after = id(some[len(some)-1])
	}
}

// everyShown is every, for a command that shows nothing else: with --json it
// prints the list, and done is true.
func everyShown[T any](cmd *cobra.Command, r *remote, path string, query url.Values, id func(T) string) (all []T, done bool, err error) {
	c, err := r.client()
	if err == nil {
		all, err = every(cmd.Context(), c, path, query, "", id)
	}
	if err != nil || !r.asJSON {
		return all, false, err
	}
	return all, true, printJSON(cmd, all)
}

func printJSON(cmd *cobra.Command, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", job.NameCodes(data))
	}
	return err
}

// listing is a command that shows one list as a table, a row per item.
func listing[T any](r *remote, c cobra.Command, path func(args []string) string, query url.Values, head string, row func(T) []any) *cobra.Command {
	c.RunE = func(cmd *cobra.Command, args []string) error {
		list, done, err := do[[]T](cmd, r, http.MethodGet, path(args), query, nil)
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, x := range list {
			rows = append(rows, row(x))
		}
		return r.table(cmd, head, rows)
	}
	return &c
}

func at(path string) func([]string) string { return func([]string) string { return path } }

// most is the query of a list that has no pages.
var most = url.Values{"limit": {"1000"}}

func escaped[T ~string](id T) string { return url.PathEscape(string(id)) }

// printLine prints a value as one line of JSON.
func printLine(cmd *cobra.Command, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", job.NameCodes(data))
	}
}
