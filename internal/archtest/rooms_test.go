package archtest

// What the reasons below call by name.
const (
	semver = "github.com/Masterminds/semver/v3"
	dsse   = "github.com/secure-systems-lab/go-securesystemslib"
)

// testTools are what any test may import beyond the standard library.
var testTools = []use{
	{"github.com/stretchr/testify/require", "assertions that stop the test and show both values"},
	{"github.com/google/go-cmp/cmp", "differences of deep values that a person can read"},
	{"github.com/cockroachdb/datadriven", "scenarios as text files that an administrator can read"},
	{"pgregory.net/rapid", "random inputs that shrink"},
}

// rooms is the table: every package, its floor, what it may import and why.
var rooms = []room{
	{path: "internal/enum", floor: 0, core: true},
	{path: "internal/archtest", floor: 7},

	{path: "catalog/version", floor: 1, core: true, links: []string{semver}, uses: []use{
		{semver, "decides what a valid semantic version is"},
		{"internal/enum", "the schemes' names"},
	}},
	{path: "integrity", floor: 1, core: true, uses: []use{
		{"internal/enum", "the names of statuses and reasons"},
	}},
	{path: "reboot", floor: 1, core: true, uses: []use{
		{"internal/enum", "the names of phases and sessions"},
	}},

	{path: "catalog", floor: 2, core: true, links: []string{semver}, uses: []use{
		{"catalog/version", "a patch upgrades to a version"},
		{"integrity", "an artifact carries digests"},
		{"internal/enum", "the names of reasons and availabilities"},
	}},

	{path: "job", floor: 3, core: true, links: []string{semver}, uses: []use{
		{"catalog", "orders are made of patches and verdicts"},
		{"catalog/version", "an outcome tells from which version to which"},
		{"integrity", "downloads are judged before they are deployed"},
		{"reboot", "the third stage"},
		{"internal/enum", "the names of states, stages and results"},
	}},

	{path: "manifest", floor: 4, core: true, links: []string{dsse, semver}, uses: []use{
		{"github.com/secure-systems-lab/go-securesystemslib/dsse", "the signed envelope"},
		{"catalog", "a check-in carries an inventory"},
		{"job", "a document holds orders"},
		{"internal/enum", "the names of refusals"},
	}},

	{path: "job/agent", floor: 5, core: true, links: []string{dsse, semver}, uses: []use{
		{"job", "runs executions"},
		{"manifest", "opens and applies manifests"},
	}},
	{path: "job/controller", floor: 5, core: true, links: []string{dsse, semver}, uses: []use{}},

	{path: "agentsim", floor: 6, core: true, links: []string{dsse, semver}, uses: []use{
		{"catalog", "vendors publish into it"},
		{"catalog/version", "versions in scenarios"},
		{"integrity", "what a virtual download finds"},
		{"job", "jobs, reports, effects"},
		{"job/agent", "every virtual asset runs it"},
		{"job/controller", "the server of the virtual world"},
		{"job/controller/memstore", "keeps what the virtual server committed"},
		{"manifest", "the words of check-ins"},
		{"reboot", "sessions and prompts"},
	}},
	{path: "job/runner", floor: 6, uses: []use{
		{"catalog", "a platform tells its inventory"},
		{"job", "carries out the effects of executions"},
		{"manifest", "checks in"},
		{"reboot", "shows prompts"},
	}},
}
