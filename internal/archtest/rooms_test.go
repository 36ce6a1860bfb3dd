package archtest

import "slices"

// Names that the table uses.
const (
	semver  = "github.com/Masterminds/semver/v3"
	testify = "github.com/stretchr/testify"
)

// testTools are what any test may import besides the standard library.
var testTools = []use{
	{testify + "/require", "assertions that stop the test and show both values"},
	{"github.com/google/go-cmp/cmp", "differences of deep values that a person can read"},
	{"github.com/cockroachdb/datadriven", "scenarios as text files that an administrator can read"},
	{"pgregory.net/rapid", "random inputs that shrink"},
}

// rooms is the table: every package, its floor, what it may import, and why.
var rooms = slices.Concat(policies, drivers)

// policies are the rooms of floors 0 to 7.
var policies = []room{
	// Floor 0: no policy.
	{path: "internal/enum", floor: 0, core: true},
	{path: "internal/enum/enumtest", floor: 0, adapter: true, uses: []use{
		{"internal/enum", "what it holds types to"},
		{testify + "/require", "a suite is a test"},
	}},
	{path: "internal/problem", floor: 0, core: true},
	{path: "internal/strictjson", floor: 0, adapter: true, core: true, uses: []use{
		{"internal/problem", "an error quotes a name that may be of any length"},
	}},
	{path: "internal/debroot", floor: 0},
	{path: "internal/owned", floor: 0},
	{path: "internal/token", floor: 0},
	{path: "internal/inroot", floor: 0},
	{path: "internal/release", floor: 0},

	// Floor 1: values and rules that need nothing else.
	{path: "catalog/version", floor: 1, core: true, uses: []use{
		{"internal/enum", "the error of a scheme that is not known"},
		{"internal/problem", "an error quotes a text that may be of any length"},
	}, tests: []use{
		{semver, "the oracle for what a valid semantic version is, and for the order"},
	}},
	{path: "catalog/version/versiontest", floor: 1, adapter: true, uses: []use{
		{"catalog/version", "what it holds schemes to"},
		{testify + "/require", "a suite is a test"},
	}},
	{path: "integrity", floor: 1, core: true, uses: []use{
		{"internal/enum", "the names of statuses and reasons"},
		{"internal/strictjson", "a policy means one thing"},
		{"internal/problem", "the error of what is not valid, and texts that are cut to size"},
	}},
	{path: "integrity/integritytest", floor: 1, adapter: true, uses: []use{
		{"integrity", "the port it holds verifiers to"},
	}},
	{path: "integrity/internal/cms", floor: 1, adapter: true, core: true, uses: []use{
		{"integrity", "digest algorithms, and the status of what is refused"},
		{"internal/problem", "what is wrong with the anchors of a policy"},
	}},
	{path: "integrity/unjudged", floor: 1, adapter: true, uses: []use{
		{"integrity", "the port it fills"},
	}},
	{path: "integrity/openpgp", floor: 1, adapter: true, uses: []use{
		{"integrity", "the port it fills"},
		{"internal/problem", "what is wrong with signers and keyrings, and texts of files made printable"},
		{"github.com/ProtonMail/go-crypto", "packets, keys and the mathematics of OpenPGP; linked by no other adapter"},
	}},
	{path: "catalog/fault", floor: 1, core: true},
	{path: "catalog/aptfeed/deb822", floor: 1, uses: []use{
		{"internal/problem", "an error quotes a line that may be of any length"},
	}},
	{path: "job/schedule", floor: 1, core: true, uses: []use{
		{"internal/enum", "the names of kinds, weekdays and places in a month"},
		{"internal/problem", "collects what is wrong with a schedule"},
		{"internal/strictjson", "a calendar means one thing"},
	}},

	// Floor 2: the catalog, and the reboot.
	{path: "reboot", floor: 2, core: true, uses: []use{
		{"internal/enum", "the names of phases and sessions"},
		{"internal/problem", "the error of a policy that is not valid"},
		{"job/schedule", "the steady clock"},
	}},
	{path: "integrity/authenticode", floor: 2, adapter: true, uses: []use{
		{"integrity", "the port it fills"},
		{"integrity/internal/cms", "signed messages, timestamps and chains"},
		{"internal/problem", "what is wrong with signers, and texts of files made printable"},
	}},
	{path: "integrity/sigstoreverify", floor: 2, adapter: true, uses: []use{
		{"integrity", "the port it fills"},
		{"integrity/internal/cms", "timestamps and chains of certificates"},
		{"internal/strictjson", "a bundle means one thing"},
		{"internal/problem", "what is wrong with signers"},
		{"github.com/sigstore/sigstore", "signatures by keys and certificates; linked by nothing else"},
	}, tests: []use{
		{"github.com/secure-systems-lab/go-securesystemslib", "the oracle of envelopes"},
	}},
	{path: "catalog", floor: 2, core: true, uses: []use{
		{"catalog/version", "a patch upgrades to a version"},
		{"integrity", "an artifact carries digests"},
		{"internal/enum", "the names of reasons and availabilities"},
		{"internal/problem", "texts from feeds are kept short and printable, and the error of what is refused as a whole"},
	}},
	{path: "catalog/catalogtest", floor: 2, adapter: true, uses: []use{
		{"catalog", "the port it holds feeds to"},
		{"catalog/fault", "why a source could not be used"},
		{"github.com/stretchr/testify", "assertions"},
	}},
	{path: "catalog/debian", floor: 2, adapter: true, uses: []use{
		{"internal/inroot", "files of a system below a folder"},
		{"catalog", "ids of products and patches"},
		{"catalog/aptfeed/deb822", "the form of dpkg's status file"},
	}},
	{path: "catalog/internal/fetch", floor: 2, adapter: true, uses: []use{
		{"internal/inroot", "a document that is a file"},
		{"internal/problem", "reasons of a bounded length"},
		{"catalog", "the port that it fills in part"},
		{"catalog/fault", "why a source could not be used"},
	}},
	{path: "catalog/eolfeed", floor: 3, adapter: true, uses: []use{
		{"internal/strictjson", "a document means one thing"},
		{"internal/problem", "reasons of a bounded length"},
		{"catalog", "the port it fills"},
		{"catalog/internal/fetch", "fetching one document"},
	}},
	{path: "catalog/jsonfeed", floor: 3, adapter: true, uses: []use{
		{"catalog/internal/fetch", "how its document is fetched"},
		{"internal/strictjson", "a record means one thing"},
		{"internal/problem", "reasons of a bounded length"},
		{"catalog", "the port it fills"},
		{"catalog/fault", "why a source could not be used"},
		{"integrity", "who must have signed the document"},
	}},
	{path: "catalog/osvfeed", floor: 3, adapter: true, uses: []use{
		{"catalog", "the port it fills"},
		{"catalog/internal/fetch", "how its document is fetched"},
		{"catalog/version", "the versions that an advisory compares"},
	}},
	{path: "catalog/kevfeed", floor: 3, adapter: true, uses: []use{
		{"internal/strictjson", "a list means one thing"},
		{"internal/problem", "reasons of a bounded length"},
		{"catalog", "the port it fills"},
		{"catalog/internal/fetch", "how its document is fetched"},
	}},
	{path: "catalog/internal/repository", floor: 2, adapter: true, uses: []use{
		{"catalog", "limits of names"},
		{"catalog/fault", "why a source could not be used"},
		{"integrity", "what a signed file promises"},
		{"integrity/openpgp", "why a signature does not count"},
		{"github.com/klauspost/compress", "lists as repositories compress them: zstd"},
		{"github.com/pierrec/lz4/v4", "lists that apt keeps compressed"},
		{"github.com/therootcompany/xz", "lists as repositories compress them, within a bound of memory"},
		{"github.com/ulikunitz/xz", "lists compressed as lzma"},
	}},
	{path: "catalog/aptfeed", floor: 3, adapter: true, uses: []use{
		{"catalog", "the port it fills"},
		{"catalog/fault", "why a source could not be used"},
		{"catalog/internal/fetch", "how files are fetched and bad records listed"},
		{"catalog/aptfeed/deb822", "the form of Debian's control files"},
		{"catalog/debian", "ids, and what a system says of itself"},
		{"catalog/internal/repository", "how a repository's files are checked and unpacked"},
		{"catalog/version", "Debian versions"},
		{"integrity", "a package carries digests"},
		{"integrity/openpgp", "a repository's signature"},
	}, tests: []use{
		{"github.com/ProtonMail/go-crypto", "signs the repositories they make"},
		{"github.com/pierrec/lz4/v4", "packs lists as apt keeps them"},
		{"github.com/ulikunitz/xz", "packs their lists"},
	}},
	{path: "catalog/rpmfeed", floor: 3, adapter: true, uses: []use{
		{"catalog", "the port it fills"},
		{"catalog/fault", "why a source could not be used"},
		{"catalog/internal/fetch", "how files are fetched and bad records listed"},
		{"catalog/internal/repository", "how a repository's files are checked and unpacked"},
		{"catalog/version", "RPM versions"},
		{"integrity", "a package carries digests"},
		{"integrity/openpgp", "a repository's signature"},
	}, tests: []use{
		{"github.com/ProtonMail/go-crypto", "signs the repositories they make"},
		{"github.com/klauspost/compress", "packs their metadata"},
		{"github.com/ulikunitz/xz", "packs their metadata"},
	}},

	// Floor 3: what joins them.
	{path: "job/baseline", floor: 3, core: true, uses: []use{
		{"catalog", "what is known of patches, and when they were published"},
		{"internal/enum", "the names of answers"},
		{"internal/problem", "the error of a baseline that is not valid"},
		{"internal/strictjson", "a baseline means one thing"},
	}},
	{path: "job/deadline", floor: 3, core: true, uses: []use{
		{"catalog", "the severity of a vulnerability"},
		{"internal/enum", "the names of answers, anchors, states and causes"},
		{"internal/problem", "the error of a table that is not valid"},
		{"internal/strictjson", "a table means one thing"},
	}},
	{path: "job/rollout", floor: 3, core: true, uses: []use{
		{"internal/enum", "the names of phases and answers"},
		{"internal/problem", "the error of a policy or a state that is not valid"},
	}},
	{path: "integrity/policyverify", floor: 3, adapter: true, uses: []use{
		{"integrity", "the policy, and the port it fills"},
		{"integrity/authenticode", "signatures in Windows files"},
		{"integrity/openpgp", "OpenPGP signatures"},
		{"integrity/sigstoreverify", "signatures by plain keys and certificates"},
		{"integrity/unjudged", "signatures that nothing here judges"},
		{"internal/problem", "what the verifiers find wrong, in the policy's words"},
	}, tests: []use{
		{"github.com/ProtonMail/go-crypto", "signs what the tests judge"},
	}},

	// Floor 4: what is to be done.
	{path: "job", floor: 4, core: true, uses: []use{
		{"catalog", "orders are made of patches and verdicts"},
		{"catalog/version", "an outcome says from which version to which"},
		{"integrity", "an order says what its files must be, and under which signer policy"},
		{"job/baseline", "a plan leaves out what is not approved"},
		{"job/deadline", "deadlines order a plan"},
		{"job/rollout", "a definition has a rollout"},
		{"job/schedule", "a definition has a schedule, and a calendar"},
		{"reboot", "a definition has a reboot policy"},
		{"internal/problem", "collects what is wrong with a definition or an order"},
		{"internal/enum", "the names of states, stages and results"},
	}},

	// Floor 5: one order being carried out.
	{path: "job/execution", floor: 5, core: true, uses: []use{
		{"catalog", "compares what is installed with the order"},
		{"catalog/version", "findings name versions"},
		{"integrity", "downloads are judged before they are deployed"},
		{"internal/enum", "the names of steps"},
		{"internal/problem", "collects what is wrong with a stored state"},
		{"job", "carries out its orders, in its words"},
		{"job/schedule", "the time of a step"},
		{"reboot", "the third stage"},
	}},

	// Floor 6: how it is handed out.
	{path: "manifest", floor: 6, core: true, uses: []use{
		{"catalog", "a check-in carries an inventory"},
		{"job", "a document holds orders"},
		{"internal/problem", "collects what is wrong with a document, a call or an enrolment"},
		{"internal/enum", "the names of refusals, and reads the names of other releases"},
	}, tests: []use{
		{"github.com/secure-systems-lab/go-securesystemslib", "the oracle of the signed envelope"},
	}},
	{path: "manifest/agenthttp", floor: 6, adapter: true, uses: []use{
		{"manifest", "what goes over the wire"},
		{"job", "names of assets, reports"},
		{"internal/problem", "what is wrong with a client's settings"},
		{"golang.org/x/sync", "bodies that are bounded together"},
	}},

	// Floor 7: the agent's side, as a machine.
	{path: "job/agent", floor: 7, core: true, uses: []use{
		{"integrity", "the signer policy that an asset is held to"},
		{"job", "orders, and what it reports of them"},
		{"job/execution", "runs executions"},
		{"job/schedule", "the time of a step"},
		{"manifest", "opens and applies manifests"},
		{"internal/enum", "reads the names of other releases"},
		{"reboot", "an execution begins with what is known of the users"},
	}},
	{path: "job/runner/internal/staging", floor: 7, uses: []use{
		{"internal/inroot", "files of this computer, where they are allowed"},
		{"integrity", "digests and signatures of what is fetched"},
		{"job", "names of orders"},
		{"job/execution", "evidence"},
		{"internal/owned", "no other user can replace the folder"},
		{"golang.org/x/sys", "private files and links on Windows"},
	}},
}
