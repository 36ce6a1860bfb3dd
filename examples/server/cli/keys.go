package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Keys returns the commands that change which keys agents believe. They work on
// the server's folder.
func Keys() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "key", Short: "Show and change the keys that agents believe",
		Long: `The trust document names the keys that sign manifests. Each version is signed by the root keys of the one before, so agents follow it by themselves, one version after the other, however many they missed. A change takes effect at the next start of the server.

  server key rotate                         # a new manifest key, signed by root-1.key in --dir
  server key rotate --root /media/usb/root-1.key
  server key rotate --keep                  # the same keys, a later expiry
  server key rotate --new-roots 3 --new-threshold 2 --root root-1.key

If more root keys must sign than are at hand, rotate prepares the version, and each holder signs it:

  server key sign --root /media/usb/root-2.key`,
	}
	c.PersistentFlags().StringVar(&dir, "dir", "patchpolicy", "folder made by \"server init\"")
	var r serve.Rotation
	var roots []string
	var keep bool
	sign := func(cmd *cobra.Command, _ []string) error {
		files := serve.In(dir)
		if len(roots) == 0 {
			roots = []string{files.Root(1)}
		}
		version, err := files.Sign(roots)
		if err != nil {
			return err
		}
		return say(cmd, fmt.Sprintf("version %d of the trust document takes effect at the next start of the server", version))
	}
	rotate := verb("rotate", "Make the next version of the trust document, with a new manifest key", func(cmd *cobra.Command, args []string) error {
		r.Manifest = !keep
		if err := serve.In(dir).Rotate(r); err != nil {
			return err
		}
		return sign(cmd, args)
	})
	rotate.Flags().BoolVar(&keep, "keep", false, "keep the manifest key; only the expiry changes, and what other flags say")
	rotate.Flags().BoolVar(&r.Exchange, "exchange", false, "make a new exchange key as well")
	rotate.Flags().BoolVar(&r.ForgetOld, "forget-old", false, "with --exchange: drop the old exchange keys; agents that have not called since the last change must enrol again")
	rotate.Flags().IntVar(&r.Roots, "new-roots", 0, "how many new root keys to make in --dir, in place of the old ones")
	rotate.Flags().IntVar(&r.Threshold, "new-threshold", 0, "how many of the new root keys must sign (default: all)")
	rotate.Flags().DurationVar(&r.Lifetime, "lifetime", 0, "how long the document is valid (default: two years)")
	signing := &cobra.Command{Use: "sign", Short: "Sign the version that \"server key rotate\" prepared", Args: cobra.NoArgs, RunE: sign}
	for _, signs := range []*cobra.Command{rotate, signing} {
		signs.Flags().StringArrayVar(&roots, "root", nil, "file with a root key (repeatable; default: root-1.key in --dir)")
	}
	c.AddCommand(rotate, signing, verb("show", "Show every version of the trust document", func(cmd *cobra.Command, _ []string) error {
		keys, err := serve.In(dir).ReadKeys()
		if err != nil {
			return err
		}
		for _, sealed := range keys.Trust {
			if err := showTrust(cmd.OutOrStdout(), sealed); err != nil {
				return err
			}
		}
		return nil
	}))
	return c
}

func showTrust(w io.Writer, sealed []byte) error {
	t, err := manifest.OpenTrust(sealed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "version %d\n  fingerprint  %s\n  issued       %s\n  expires      %s\n  root keys    %d, of which %d must sign\n",
		t.Version, manifest.TrustFingerprint(sealed), t.Issued.Format(time.DateTime), t.Expires.Format(time.DateTime), len(t.Root), t.Threshold)
	for _, k := range t.Manifest {
		if err == nil {
			_, err = fmt.Fprintf(w, "  manifest key %s\n", k.ID())
		}
	}
	return err
}
