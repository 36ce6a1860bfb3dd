package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/agent/inspect"
	"github.com/patchpolicy/patchpolicy/examples/agent/scan"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func (p *program) scan() *cobra.Command {
	var c scan.Config
	asJSON := false
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Show missing updates, and why each can be deployed or not",
		Long: `Scan reads the package database and the package lists that apt has downloaded,
verifies the lists' signatures and digests, and gives a verdict on every package
with a newer version. On an RPM system it reads rpm's database and what dnf has
downloaded. It needs no root and no network, and changes nothing. Run "apt-get
update" or "dnf makecache" as root first.

Notes name lists that are missing or too old, and repositories whose keys cannot
be used. The results of the other lists are printed all the same, and the exit
code is 1.

Severity, CVE ids and known exploitation are those that the repositories' own
advisories state (updateinfo, on an RPM system). A dash means not known.

Each verdict names its rule. With --json, scan prints one array with an object
per patch: package, architecture, installed, available, severity, cves,
exploited, deployable, and reasons, each with code, rule and text.

Exit codes: 0 success, 1 something failed or was left out, 2 wrong usage or bad
input.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if info, err := os.Stat(c.Root); err != nil || !info.IsDir() {
				return misuse("--root: %s is not a folder", c.Root)
			}
			if p.verbose {
				c.Logger = p.logger()
			}
			report, err := scan.Run(cmd.Context(), c)
			if err != nil {
				return err
			}
			for _, note := range report.Notes {
				fmt.Fprintln(p.err, "agent: note:", problem.Lines(note, "  "))
			}
			show := report.Table
			if asJSON {
				show = report.JSON
			}
			if err := show(p.out); err != nil {
				return err
			}
			return report.Complete()
		},
	}
	cmd.Flags().StringVar(&c.Root, "root", "/", "folder of the system to scan")
	cmd.Flags().StringVar(&c.Channel, "channel", "", "channel of the distribution's packages (default: from os-release or the package lists)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	cmd.Flags().BoolVar(&c.IgnoreValidUntil, "ignore-valid-until", false, "use expired package lists too")
	return cmd
}

func (p *program) verify() *cobra.Command {
	var c inspect.Config
	var digests []string
	asJSON := false
	cmd := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Show who signed files, and whether a signer policy trusts them",
		Long: `Verify shows for each file what it is, its digests, who signed it and when, the
certificate chain, and the verdict, with the rule and the policy's clause that
decided. It reads signatures inside Windows programs, installers and cabinets,
clear-signed texts and RPM packages, and those in a file of their own
(--signature): OpenPGP, plain keys, certificates and envelopes. It needs no
root, no network and no server, and changes nothing.

Only the policy says whom to trust; the system's certificates are never used.
Without --policy nobody is trusted: a signed file is refused (NotTrusted), and
verify prints a policy that trusts its signer, and the next command. Compare the
policy with a source that you trust, save it, and run the command: the file
passes. Some signatures do not include the signer's key. Then get the key and
give it with --key. An invalid signature (SignatureBad) cannot be pinned.

A file without a signature passes only by a digest that you give (--digest) and,
under a policy, only if a clause allows it. The same is true for a file signed
in a form that verify cannot judge, if the clause names no signer. If a digest
that you give differs, the file is refused, whoever signed it.

With --json, verify always prints one object per file, each on one line. For a
file that cannot be read, the object has only "file" and "error".

Exit codes: 0 every file passed, 1 a file was refused, 2 wrong usage, or a file,
a key or the policy cannot be read.`,
		Example: `  agent verify setup.exe                                   # who signed it?
  agent verify setup.exe --policy signers.json --vendor Acme --product acme/app
  agent verify tool.tar.gz --signature tool.tar.gz.asc --key acme.asc
  agent verify *.deb --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, files []string) error {
			c.Now, c.Program = time.Now(), "agent"
			if filepath.Base(os.Args[0]) == c.Program {
				c.Program = os.Args[0] // as it was called
			}
			inspector, err := inspectorOf(c, digests, files)
			if err != nil {
				for _, name := range files {
					if asJSON { // programs expect a line per file
						_ = inspect.File{Name: name, Error: err.Error()}.JSON(p.out)
					}
				}
				return misused{err}
			}
			return p.verifyAll(inspector, files, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.PolicyFile, "policy", "", "JSON file with the signer policy; \"-\" is standard input")
	f.StringVar(&c.Key, "key", "", "file with the signer's public key, armored OpenPGP or PEM, to trust instead of a policy")
	f.StringVar(&c.Feed, "feed", "", "the patch's feed, as the server names it, for clauses that name one")
	f.StringVar(&c.Vendor, "vendor", "", "the product's vendor, as the catalog names it")
	f.StringVar(&c.Product, "product", "", "the product's id in the catalog")
	f.StringVar(&c.Signature, "signature", "", "signature file; for one file only")
	f.StringArrayVar(&digests, "digest", nil, "digest that the file must have, such as sha256:…; for one file only, can be repeated")
	f.BoolVar(&asJSON, "json", false, "print one JSON object per file, each on one line")
	return cmd
}

// inspectorOf reads the files that flags name. The error lists every problem.
func inspectorOf(c inspect.Config, digests, files []string) (*inspect.Inspector, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(files) == 0 {
		bad("name the files to verify: agent verify FILE…")
	}
	if len(files) > 1 && (c.Signature != "" || len(digests) > 0) {
		bad("--signature and --digest are for one file, and %d are named; verify each by itself", len(files))
	}
	for _, text := range digests {
		d, err := integrity.ParseDigest(text)
		if err != nil {
			bad("--digest: %w", err)
		}
		c.Digests = append(c.Digests, d)
	}
	if err := (integrity.Expectation{Digests: c.Digests}).Validate(); err != nil && len(errs) == 0 {
		bad("--digest: %w", err)
	}
	if c.Key != "" && c.PolicyFile != "" {
		bad("--key and --policy are both given; put the key into the policy, or leave one out")
	}
	var err error
	if c.Policy, err = readPolicy(c.PolicyFile); err != nil {
		bad("--policy: %w", err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return inspect.New(c)
}

// verifyAll prints each file as soon as it is judged.
func (p *program) verifyAll(inspector *inspect.Inspector, files []string, asJSON bool) error {
	unjudged, refused := 0, 0
	for _, name := range files {
		f := inspector.File(name)
		if f.Verdict == nil {
			unjudged++
		} else if !f.Verdict.Passed {
			refused++
		}
		write := f.Text
		if asJSON {
			write = f.JSON
		}
		if err := write(p.out); err != nil {
			return err
		}
	}
	switch {
	case unjudged > 0:
		return misuse("%d of %d files could not be judged", unjudged, len(files))
	case refused > 0:
		return fmt.Errorf("%d of %d files did not pass", refused, len(files))
	}
	return nil
}
