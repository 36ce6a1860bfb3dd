// Package cli is the command line of the example server: the commands that talk
// to a running server, and those that work on its files.
package cli

import (
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
	"github.com/patchpolicy/patchpolicy/internal/release"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// The exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

type usageError struct{ error }

// Usage marks an error as a mistake on the command line.
func Usage(err error) error { return usageError{err} }

// Run runs one command line and returns the exit code.
func Run(root *cobra.Command) int {
	begun := false // what goes wrong before is a mistake on the command line
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	root.Version = release.Version()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetOut(problem.Writer(root.OutOrStdout())) // agents, feeds and vendors chose much of it
	root.SetErr(problem.Writer(root.ErrOrStderr()))
	strict(root)
	cmd, err := root.ExecuteC()
	if err == nil {
		return ExitOK
	}
	_, _ = fmt.Fprintln(root.ErrOrStderr(), "error:", problem.Lines(err.Error()+lister(err), "  "))
	if e, ok := errors.AsType[*adminhttp.Error](err); ok && len(e.Problems) > 1 { // one is in the text
		for _, p := range e.Problems {
			where := strings.TrimSpace(problem.Printable(p.Field) + " " + problem.Printable(p.Value))
			_, _ = fmt.Fprintf(root.ErrOrStderr(), "  %s: %s\n", where, problem.Lines(p.Text, "    "))
		}
	}
	if _, ok := errors.AsType[usageError](err); ok || !begun {
		_, _ = fmt.Fprintf(root.ErrOrStderr(), "see: %s --help\n", cmd.CommandPath())
		return ExitUsage
	}
	return ExitFailed
}

// lister says which command lists what there is, after an error about an id that
// is not known.
func lister(err error) string {
	if e, is := errors.AsType[*adminhttp.Error](err); is && e.Status == http.StatusNotFound {
		for of, command := range map[string]string{"no asset ": "asset list", "no job ": "job list", "no run ": "run list",
			"no patch ": "catalog search TEXT", "no patch, ": "catalog search TEXT"} {
			if strings.HasPrefix(e.Text, of) {
				return fmt.Sprintf("; see \"server %s\"", command)
			}
		}
	}
	return ""
}

// strict makes every command refuse arguments it does not take, and a noun
// without its verb. It also fills the help texts.
func strict(cmd *cobra.Command) {
	cmd.Long = fill(cmd.Long)
	cmd.Args = arguments(cmd.Use)
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

// arguments is what the first line of a help text says that a command takes: as
// in "tag ASSET [TAG…]".
func arguments(use string) cobra.PositionalArgs {
	_, call, _ := strings.Cut(use, " ")
	names, _, _ := strings.Cut(strings.ReplaceAll(call, "[-", "-"), "-") // the flags follow
	list := strings.Fields(names)
	least := len(list) - strings.Count(names, "[")
	return func(cmd *cobra.Command, args []string) error {
		how := "call it as: " + strings.TrimSpace(cmd.CommandPath()+" "+call)
		switch n := len(args); {
		case n > 0 && cmd.HasSubCommands():
			meant := ""
			cmd.SuggestionsMinimumDistance = 2
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				meant = fmt.Sprintf("; did you mean %q?", like[0])
			}
			return fmt.Errorf("%s has no command %q%s", cmd.CommandPath(), args[0], meant)
		case n < least:
			return fmt.Errorf("missing: %s; %s", strings.Join(list[n:least], ", "), how)
		case n > len(list) && !strings.Contains(names, "…]"):
			return fmt.Errorf("%q is one argument too many; %s", args[len(list)], how)
		}
		return nil
	}
}

// noun is a command that only groups others.
func noun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	c.AddCommand(verbs...)
	return c
}

// verb is a command of a noun.
func verb(use, short string, run action) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: run}
}

// remote is how a command reaches the server, and how it prints.
type remote struct {
	server, token, ca       string
	asJSON, full, plainHTTP bool
	timeout                 time.Duration
	api                     adminhttp.Client // made by client
}

// Commands returns the commands that talk to a running server, and "rule".
func Commands() []*cobra.Command {
	r := &remote{}
	short := r.sync() // as it was called before "catalog sync"
	short.Hidden = true
	all := []*cobra.Command{short, r.tokens(), r.assets(), r.patches(), r.jobs(), r.runs(), r.rollouts(), r.reports(), r.why(), r.exceptions(), r.evidence(), r.customURLs(), r.catalog()}
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

// client checks the settings, once.
func (r *remote) client() (c adminhttp.Client, err error) {
	if r.api.HTTP != nil {
		return r.api, nil
	}
	c.Server = r.server
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
	r.api = c
	return c, nil
}

// send makes a call to the server. A call is written as package adminhttp
// documents the routes: "POST jobs/{}/retry?asset&patch&limit=9". Each {} in the
// path is an argument of the command, in turn. A parameter without a value is the
// flag of that name; {} is the first argument. Empty ones are left out. The
// query is added to them.
func (r *remote) send(cmd *cobra.Command, call string, query url.Values, in, out any) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	method, path, _ := strings.Cut(call, " ")
	path, parameters, _ := strings.Cut(path, "?")
	for _, arg := range cmd.Flags().Args() {
		path = strings.Replace(path, "{}", escaped(arg), 1)
	}
	if query == nil {
		query = url.Values{}
	}
	for parameter := range strings.SplitSeq(parameters, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		if flag := cmd.Flag(name); flag != nil {
			value = flag.Value.String()
		} else if value == "{}" {
			value = cmd.Flags().Arg(0)
		}
		if value != "" {
			query.Set(name, value)
		}
	}
	return c.Do(cmd.Context(), method, path, query, in, out)
}

// ask makes a call (see remote.send). With --json it prints the answer as it
// came, and done is true.
func ask[T any](r *remote, cmd *cobra.Command, call string, in any) (out T, done bool, err error) {
	var raw json.RawMessage
	if err := r.send(cmd, call, nil, in, &raw); err != nil {
		return out, false, err
	}
	if r.asJSON {
		return out, true, say(cmd, strings.TrimSpace(string(job.NameCodes(raw))))
	}
	return out, false, json.Unmarshal(raw, &out)
}

// act makes a call without an answer, and prints what is done.
func (r *remote) act(cmd *cobra.Command, call string, in any, done string) error {
	if err := r.send(cmd, call, nil, in, nil); err != nil {
		return err
	}
	if r.asJSON {
		done = "{}"
	}
	return say(cmd, done)
}

// every reads a list page by page, from the item that follows after.
func every[T any](r *remote, cmd *cobra.Command, call, after string, id func(T) any) ([]T, error) {
	const page = 500
	all := []T{}
	for {
		query := url.Values{"limit": {fmt.Sprint(page)}}
		if after != "" {
			query.Set("after", after)
		}
		var some []T
		if err := r.send(cmd, call, query, nil, &some); err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < page {
			return all, nil
		}
		after = fmt.Sprint(id(some[len(some)-1]))
	}
}

func say(cmd *cobra.Command, text any) error {
	_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

func printJSON(cmd *cobra.Command, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", job.NameCodes(data))
	}
	return err
}

type action = func(cmd *cobra.Command, args []string) error

// acting makes a call without an answer, and prints what is done.
func (r *remote) acting(call, done string) action {
	return func(cmd *cobra.Command, _ []string) error { return r.act(cmd, call, nil, done) }
}

// showing makes a call and shows the answer.
func showing[T any](r *remote, call string, show func(*cobra.Command, T) error) action {
	return func(cmd *cobra.Command, _ []string) error {
		answer, done, err := ask[T](r, cmd, call, nil)
		if err != nil || done {
			return err
		}
		return show(cmd, answer)
	}
}

func listing[T any](r *remote, call, head string, row func(T) []any) action {
	return showing(r, call, func(cmd *cobra.Command, list []T) error { return r.table(cmd, head, rowsOf(list, row)) })
}

// paging is listing for a list that is read by pages, in the order of the first
// column.
func paging[T any](r *remote, call, head string, row func(T) []any) action {
	return func(cmd *cobra.Command, _ []string) error {
		list, err := every(r, cmd, call, "", func(x T) any { return row(x)[0] })
		switch {
		case err != nil:
			return err
		case r.asJSON:
			return printJSON(cmd, list)
		}
		return r.table(cmd, head, rowsOf(list, row))
	}
}

func rowsOf[T any](list []T, row func(T) []any) (rows [][]any) {
	for _, x := range list {
		rows = append(rows, row(x))
	}
	return rows
}

func escaped[T ~string](id T) string { return url.PathEscape(string(id)) }
