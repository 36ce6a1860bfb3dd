package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
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

// usageError is a call that was not understood.
type usageError struct{ error }

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
			_, _ = fmt.Fprintf(root.ErrOrStderr(), "  %s %s: %s\n", problem.Printable(p.Field), problem.Printable(p.Value), problem.Lines(p.Text, "    "))
		}
	}
	if _, ok := errors.AsType[usageError](err); ok {
		_, _ = fmt.Fprintf(root.ErrOrStderr(), "see: %s --help\n", cmd.CommandPath())
		return ExitUsage
	}
	return ExitFailed
}

// strict makes every command refuse arguments it does not take, and a noun without its verb.
func strict(cmd *cobra.Command) {
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

// remote is how a command reaches the server.
type remote struct {
	server, token, ca string
	asJSON, plainHTTP bool
	timeout           time.Duration
}

// Commands are the commands that talk to a running server.
func Commands() []*cobra.Command {
	r := &remote{}
	all := []*cobra.Command{r.tokens(), r.assets(), r.jobs(), r.runs(), r.reports(), r.customURLs(), r.sync()}
	for _, c := range all {
		f := c.PersistentFlags()
		f.StringVar(&r.server, "server", "http://127.0.0.1:8443", "base URL of the server")
		f.StringVar(&r.token, "admin-token", serve.In("patchpolicy").AdminToken, "file with the administrator's token")
		f.BoolVar(&r.plainHTTP, "plain-http", false, "allow plain http to another machine: others can read what is sent, the administrator's token too")
		f.StringVar(&r.ca, "ca", "", "PEM file with the authority of the server's certificate (default: the system's)")
		f.BoolVar(&r.asJSON, "json", false, "print the server's JSON instead of a table")
		f.DurationVar(&r.timeout, "timeout", 10*time.Minute, "how long the server may take")
	}
	return all
}

func (r *remote) client() (adminhttp.Client, error) {
	c := adminhttp.Client{Server: r.server}
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

// do calls the server; with --json the answer is printed as it came and done is true.
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

// act calls the server for something that answers nothing, and says done.
func act(cmd *cobra.Command, r *remote, method, path string, in any, done string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if err := c.Do(cmd.Context(), method, path, nil, in, nil); err != nil {
		return err
	}
	if r.asJSON {
		done = "{}"
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), done)
	return err
}

// every calls the server page by page until a page is not full.
func every[T any](cmd *cobra.Command, r *remote, path string, last func(T) string) (all []T, done bool, err error) {
	c, err := r.client()
	if err != nil {
		return nil, false, err
	}
	const page = 500
	query := url.Values{"limit": {fmt.Sprint(page)}}
	all = []T{}
	for {
		var some []T
		if err := c.Do(cmd.Context(), http.MethodGet, path, query, nil, &some); err != nil {
			return nil, false, err
		}
		all = append(all, some...)
		if len(some) < page {
			break
		}
		query.Set("after", last(some[len(some)-1]))
	}
	if !r.asJSON {
		return all, false, nil
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", job.NameCodes(data))
	}
	return all, true, err
}

// table prints rows under a head.
func table(w io.Writer, head string, rows [][]any) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				_, _ = fmt.Fprint(t, "\t")
			}
			_, _ = fmt.Fprint(t, show(cell))
		}
		_, _ = fmt.Fprintln(t)
	}
	return t.Flush()
}

// show prints a cell: instants short, nothing as a dash, line breaks and tabs as blanks, what cannot be printed escaped.
func show(cell any) string {
	var s string
	switch v := cell.(type) {
	case time.Time:
		if v.IsZero() {
			return "-"
		}
		return v.UTC().Format("2006-01-02T15:04:05Z")
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []string:
		s = strings.Join(v, ",")
	default:
		s = fmt.Sprint(v)
	}
	s = problem.Printable(strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(s))
	if s == "" || strings.HasSuffix(s, "(0)") {
		return "-"
	}
	return s
}

func escaped[T ~string](id T) string { return url.PathEscape(string(id)) }

// Usage marks an error as a mistake on the command line.
func Usage(err error) error { return usageError{err} }
