package archtest

// drivers are the rooms from floor 8 on: the two sides, what drives both, and
// the programs.
var drivers = []room{
	// Floor 8: the two sides.
	{path: "job/ledger", floor: 7, core: true, uses: []use{
		{"catalog", "names of patches"},
		{"catalog/version", "a failure says from which version to which"},
		{"internal/enum", "the names of phases and states"},
		{"internal/problem", "cuts texts of an asset; what is wrong with a record"},
		{"job", "reports, results and outcomes"},
		{"job/schedule", "a run is an occurrence"},
		{"manifest", "revisions"},
	}},
	{path: "job/controller", floor: 8, core: true, uses: []use{
		{"catalog", "syncs it and keeps inventories"},
		{"integrity", "the signer policy that orders are made under"},
		{"job", "keeps definitions, makes orders"},
		{"job/schedule", "finds the occurrences of jobs"},
		{"job/deadline", "says what is overdue, and why"},
		{"job/baseline", "those that jobs name"},
		{"job/rollout", "which assets of a run may have their orders now"},
		{"job/ledger", "what happens to orders, runs and revisions"},
		{"manifest", "seals manifests, answers check-ins"},
		{"internal/problem", "cuts text from outside"},
		{"internal/enum", "reads the names of other releases"},
	}},
	{path: "job/controller/storetest", floor: 8, adapter: true, uses: []use{
		{"job/controller", "the port it holds stores to"},
		{testify + "/require", "a suite is a test"},
	}, tests: []use{
		{"go.etcd.io/bbolt", "the example of an importer's store"},
	}},
	{path: "job/controller/memstore", floor: 8, adapter: true, uses: []use{
		{"job/controller", "the port it fills"},
	}},
	{path: "job/controller/sqlstore", floor: 8, adapter: true, uses: []use{
		{"job/controller", "the port it fills"},
		{"internal/owned", "the file belongs to nobody else"},
		{"job/controller/sqlstore/internal/sqltx", "its transactions"},
		{"golang.org/x/sys", "the lock on Windows"},
		{"modernc.org/sqlite", "the embedded database; linked by nothing else"},
	}},
	{path: "job/controller/sqlstore/internal/sqltx", floor: 8, adapter: true, uses: []use{
		{"job/controller", "the port whose transactions it runs"},
	}},
	{path: "job/controller/sqlstore/postgres", floor: 9, adapter: true, uses: []use{
		{"job/controller", "the port it fills"},
		{"job/controller/sqlstore/internal/sqltx", "its transactions"},
		{"github.com/jackc/pgx/v5", "PostgreSQL; linked by nothing else"},
	}, tests: []use{
		{"golang.org/x/sync", "stores that are opened at once"},
	}},

	{path: "job/runner", floor: 8, uses: []use{
		{"catalog", "a platform reports its inventory"},
		{"integrity", "the verifier it hands to staging"},
		{"job", "orders and failure codes"},
		{"job/execution", "carries out the effects of executions"},
		{"job/agent", "the machine it drives"},
		{"job/runner/internal/staging", "files before they are deployed"},
		{"manifest", "checks in"},
		{"reboot", "shows prompts"},
		{"internal/problem", "results carry texts of a platform, cut to size"},
		{"golang.org/x/sys", "the time since boot, sleep included"},
	}},
	{path: "job/runner/platformtest", floor: 8, adapter: true, uses: []use{
		{"catalog", "what a platform tells"},
		{"catalog/version", "what a platform compares"},
		{"job", "orders and failure codes"},
		{"job/execution", "what a platform is asked, and answers"},
		{"job/runner", "the port it holds platforms to"},
		{"reboot", "what a platform tells of its users"},
		{testify + "/require", "a suite is a test"},
	}},
	{path: "job/runner/boltstate", floor: 8, adapter: true, uses: []use{
		{"job/runner", "the port it fills"},
		{"go.etcd.io/bbolt", "one durable file; linked by nothing else"},
	}},
	{path: "job/runner/dpkg", floor: 8, adapter: true, uses: []use{
		{"internal/inroot", "files of a system below a folder"},
		{"internal/problem", "a script's last words, cut to size"},
		{"catalog", "its inventory"},
		{"catalog/aptfeed/deb822", "the form of dpkg's status file"},
		{"catalog/debian", "ids, and what a system says of itself"},
		{"catalog/version", "Debian versions"},
		{"job", "orders and failure codes"},
		{"job/execution", "what it is asked, and answers"},
		{"job/runner", "the port it fills"},
		{"reboot", "who is logged in"},
		{"golang.org/x/sys", "dpkg's and apt's locks"},
	}},
	{path: "agentsim/internal/stamp", floor: 8, uses: []use{
		{"manifest", "the names of keys"},
	}},

	// Floor 9: what drives both.
	{path: "agentsim/watch", floor: 8, core: true, uses: []use{
		{"job/rollout", "the budgets it watches"},
		{"catalog", "the patches it watches"},
		{"catalog/version", "versions that may only rise"},
		{"job", "the reports it watches"},
		{"job/agent", "the commits it watches"},
		{"reboot", "how long a reboot can be put off"},
	}},
	{path: "agentsim", floor: 9, uses: []use{
		{"agentsim/watch", "the observer of its assets"},
		{"catalog", "the virtual vendors' patches"},
		{"catalog/version", "the virtual products' versions"},
		{"integrity", "the virtual files' evidence"},
		{"job", "what scenarios speak of"},
		{"job/execution", "the effects that virtual assets carry out"},
		{"job/agent", "the machine it drives"},
		{"job/ledger", "what happens to orders on the server"},
		{"job/controller", "the server it drives"},
		{"job/controller/memstore", "the server's records, in memory"},
		{"job/schedule", "the schedules of scenarios"},
		{"job/baseline", "baselines of a scenario"},
		{"job/rollout", "rollouts of a scenario"},
		{"job/deadline", "the tables in force"},
		{"manifest", "what goes over the virtual network"},
		{"reboot", "the virtual users"},
		{"internal/problem", "errors that name every problem"},
	}},
	{path: "agentsim/explore", floor: 9, adapter: true, uses: []use{
		{"job/rollout", "the rollout that it searches"},
		{"agentsim/internal/stamp", "cheap signatures"},
		{"agentsim", "the language it writes a broken history in, and the engine that plays it again"},
		{"agentsim/watch", "the observer of its assets"},
		{"catalog", "the virtual asset's inventory"},
		{"catalog/version", "the virtual products' versions"},
		{"integrity", "the virtual files' evidence"},
		{"job", "orders and reports"},
		{"job/execution", "events, effects and states of executions"},
		{"job/agent", "the machine it searches"},
		{"job/ledger", "what happens to orders on the server"},
		{"job/controller", "the server it searches"},
		{"job/controller/memstore", "that server's store, one for each state"},
		{"job/schedule", "the occurrences it plans"},
		{"manifest", "what goes over the virtual network"},
		{"reboot", "the virtual users"},
		{"internal/enum", "the names of choices"},
	}},
	{path: "agentsim/random", floor: 9, adapter: true, uses: []use{
		{"agentsim", "the worlds it makes are scenarios"},
		{"internal/problem", "errors that name every problem"},
		{"internal/enum", "the names of troubles"},
	}},
	{path: "agentsim/fleet", floor: 9, uses: []use{
		{"agentsim/watch", "the observer of its assets"},
		{"agentsim/internal/stamp", "cheap signatures"},
		{"catalog", "the virtual vendor's patches, the assets' inventories"},
		{"catalog/version", "the virtual products' versions"},
		{"integrity", "the virtual files' evidence"},
		{"job", "orders and reports"},
		{"job/execution", "events and effects of executions"},
		{"job/agent", "the machine it drives"},
		{"job/ledger", "what happens to orders on the server"},
		{"job/deadline", "by when the patches are due, and why they are late"},
		{"job/schedule", "the schedules of its jobs"},
		{"manifest", "what goes over the virtual network"},
		{"reboot", "the virtual users"},
		{"internal/enum", "the names of stages"},
		{"internal/problem", "errors that name every problem"},
	}},

	// The programs, and the tests of all this.
	{path: "internal/archtest", floor: programs},
	{path: "internal/e2e", floor: programs, tests: []use{
		{"github.com/ProtonMail/go-crypto", "signs the repositories it makes"},
	}},
	{path: "internal/forms", floor: programs, tests: []use{
		{"github.com/secure-systems-lab/go-securesystemslib", "signs what a later release may write"},
	}},
	{path: "internal/configfile", floor: 9, uses: []use{
		{"internal/owned", "nobody else may write the file"},
		{"internal/problem", "an error quotes a name that may be of any length"},
		{"internal/strictjson", "a file means one thing"},
		{"github.com/spf13/cobra", "the flags that a file sets"},
	}},
	{path: "internal/killtest", floor: programs},
	{path: "internal/manyservers", floor: programs, tests: []use{
		{"github.com/jackc/pgx/v5", "looks into the database"},
		{"golang.org/x/sync", "agents and servers that end together"},
	}},
	{path: "internal/postgrestest", floor: programs},
	{path: "examples/quickstart", floor: programs, adapter: true, uses: []use{
		{"github.com/spf13/cobra", "commands and flags"},
	}},
	{path: "examples/quickstart/folder", floor: programs},
	{path: "examples/quickstart/scenario", floor: programs, adapter: true, uses: []use{
		{"golang.org/x/sync", "assets that end together"},
	}},
	{path: "examples/quickstart/show", floor: programs, uses: []use{
		{"github.com/vbauerster/mpb/v8", "the bars"},
	}},
	{path: "examples/quickstart/vendor", floor: programs},
	{path: "examples/server", floor: programs, uses: []use{
		{"github.com/spf13/cobra", "commands and flags"},
	}},
	{path: "examples/server/adminhttp", floor: programs},
	{path: "examples/server/cli", floor: programs, uses: []use{
		{"github.com/spf13/cobra", "commands and flags"},
	}},
	{path: "examples/server/serve", floor: programs, uses: []use{
		{"github.com/prometheus/client_golang", "the server's metrics; linked by nothing else"},
		{"golang.org/x/sync", "loops that end together"},
	}},
	{path: "examples/agent", floor: programs},
	{path: "examples/agent/cli", floor: programs, uses: []use{
		{"github.com/spf13/cobra", "commands and flags"},
	}},
	{path: "examples/agent/home", floor: programs},
	{path: "examples/agent/inspect", floor: programs, tests: []use{
		{"github.com/ProtonMail/go-crypto", "signs what the tests judge"},
	}},
	{path: "examples/agent/rpm", floor: programs},
	{path: "examples/agent/scan", floor: programs, tests: []use{
		{"github.com/ProtonMail/go-crypto", "signs the repositories they make"},
	}},
	{path: "examples/simulate", floor: programs},
	{path: "examples/simulate/cli", floor: programs, uses: []use{
		{"github.com/spf13/cobra", "commands and flags"},
	}},
	{path: "examples/simulate/load", floor: programs, uses: []use{
		{"catalog", "the inventory that it sends"},
		{"catalog/version", "its versions"},
		{"job", "reports on orders"},
		{"manifest", "calls and manifests"},
		{"manifest/agenthttp", "speaks to the server"},
		{"github.com/spf13/cobra", "the command line"},
		{"golang.org/x/sync", "many connections at once"},
	}},
	{path: "examples/simulate/report", floor: programs, uses: []use{
		{"github.com/spf13/cobra", "commands and flags"},
	}},
}
