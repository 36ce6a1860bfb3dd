package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/agent/inspect"
	"github.com/patchpolicy/patchpolicy/integrity"
)

type verifying struct {
	policy  string
	digests []string
	asJSON  bool
}

func (p *program) verify() *cobra.Command {
	var c inspect.Config
	var o verifying
	cmd := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Tell who signed files, and whether a signer policy trusts them",
		Long: `Verify tells of any file what it is, its digests, who signed it and when, by which chain of certificates, and the verdict on
it with the rule and the clause of the policy that gave it. It knows signatures in Windows programs, installers and
cabinets, clear-signed texts and RPM packages, and in a file of their own (--signature) those of OpenPGP, of plain keys
and of certificates, and envelopes. It needs no root, no network and no server, and changes nothing.

Trust comes from the policy alone, never from the system's certificates. Without --policy nobody is trusted: a signed
file is refused, and verify prints the policy that would trust its signer, for you to compare with a source that you
trust. A file without a signature passes only by a digest that you give (--digest), and, under a policy, only by a clause
that allows it; so does one that is signed in a form that verify cannot judge, if the clause names no signer. A digest
that you give and that differs refuses any file, whoever signed it.

Exit codes: 0 every file passed, 1 one was refused, 2 wrong usage, or a file, or the policy, that cannot be read.`,
		Example: `  agent verify setup.exe                                   # who signed it, and what to pin
  agent verify setup.exe --policy signers.json --vendor Acme --product acme/reader
  agent verify tool.tar.gz --signature tool.tar.gz.asc --policy signers.json
  agent verify *.deb --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, files []string) error {
			c.Now = time.Now()
			inspector, err := o.inspector(c, files)
			if err != nil {
				return misused{err}
			}
			return p.verifyAll(inspector, files, o.asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.policy, "policy", "", "signer policy in JSON to judge by; \"-\" reads it from the standard input")
	f.StringVar(&c.Vendor, "vendor", "", "vendor of the product that the files are of, as the catalog names it")
	f.StringVar(&c.Product, "product", "", "the product's id in the catalog")
	f.StringVar(&c.Signature, "signature", "", "signature file of the one file")
	f.StringArrayVar(&o.digests, "digest", nil, "what the one file must be, as sha256:…; may be repeated")
	f.BoolVar(&o.asJSON, "json", false, "print one JSON object a file, each on a line")
	return cmd
}

// inspector reads what the flags name, and tells everything that is wrong with them.
func (o verifying) inspector(c inspect.Config, files []string) (*inspect.Inspector, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(files) == 0 {
		bad("name the files to verify")
	}
	if len(files) > 1 && (c.Signature != "" || len(o.digests) > 0) {
		bad("--signature and --digest are about one file; %d are named", len(files))
	}
	for _, text := range o.digests {
		d, err := integrity.ParseDigest(text)
		if err != nil {
			bad("--digest: %w", err)
		}
		c.Digests = append(c.Digests, d)
	}
	if err := (integrity.Expectation{Digests: c.Digests}).Validate(); err != nil && len(errs) == 0 {
		bad("--digest: %w", err)
	}
	if o.policy != "" {
		policy, err := readPolicy(o.policy)
		if err != nil {
			bad("--policy: %w", err)
		}
		c.Policy = policy
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return inspect.New(c)
}

// verifyAll prints each file as soon as it is judged.
func (p *program) verifyAll(inspector *inspect.Inspector, files []string, asJSON bool) error {
	var count [inspect.Unreadable + 1]int
	for _, name := range files {
		f := inspector.File(name)
		count[f.Outcome()]++
		write := f.Text
		if asJSON {
			write = f.JSON
		}
		if err := write(p.out); err != nil {
			return err
		}
	}
	switch {
	case count[inspect.Unreadable] > 0:
		return misuse("%d of %d files could not be judged", count[inspect.Unreadable], len(files))
	case count[inspect.Refused] > 0:
		return fmt.Errorf("%d of %d files did not pass", count[inspect.Refused], len(files))
	}
	return nil
}
