package cli

import (
	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/serve"
)

// FeedFlags adds the flags that say where a server's feeds are.
func FeedFlags(c *cobra.Command, from *serve.Sources) {
	f := c.Flags()
	f.StringArrayVar(&from.JSON, "feed-json", nil, "URL or path of a JSON patch document, like \"server patch example\" (repeatable)")
	f.StringArrayVar(&from.Signers, "feed-signers", nil, "FEED=FILE: use the document of this JSON feed only if one of the signers in FILE has signed it; "+
		"FILE has the form of a signer policy, and its clauses are ignored (repeatable)")
	f.StringArrayVar(&from.Signatures, "feed-signature", nil,
		"FEED=LOCATION: URL or path of the signature (default: that of the document, with .sig after its path; repeatable)")
	f.StringArrayVar(&from.EOL, "feed-eol", nil, "'LOCATION PRODUCT…': URL or path of an end-of-life document as endoflife.date has them, "+
		"and its products, by id or by a prefix that ends in *; all are the feed \"eol\", which needs grants like 'eol lines ID' (repeatable)")
	f.StringArrayVar(&from.OSV, "feed-osv", nil, "'LOCATION ECOSYSTEM,…': URL or path of advisories in the OSV format, a zip file or a folder, and the ecosystems "+
		"that are read from it, like Debian:12 (repeatable)")
	f.StringVar(&from.KEV, "feed-kev", "", "URL or path of the catalog of known exploited vulnerabilities, in CISA's JSON form")
	f.StringVar(&from.SSVC, "feed-ssvc", "", "URL or path of CVE records with SSVC decisions, a zip file or a folder")
	f.StringVar(&from.EPSS, "feed-epss", "", "URL or path of exploit probabilities, a CSV file in EPSS's form, packed with gzip or not")
	f.StringArrayVar(&from.RPM, "feed-rpm", nil, "'URL KEYRING CHANNEL ARCHITECTURE…': an RPM repository, by the URL of the folder that has repodata; a file with the OpenPGP keys "+
		"of which one must have signed it, or the word unsigned; its id on the assets; and their architectures, the native one first, like x86_64 (repeatable)")
	f.StringArrayVar(&from.Apt, "apt-config", nil, "folder of an apt configuration, like /etc/apt (repeatable)")
	f.StringVar(&from.AptCache, "apt-cache", "", "folder that keeps fetched package lists across restarts")
}
