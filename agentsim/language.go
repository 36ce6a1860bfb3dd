package agentsim

// Language returns the reference of the scenario language, as text for people.
func Language() string {
	return `A scenario has one step per line. A step may begin with a time: +3h15m or +2d
after the start of the clock, or an instant such as 2026-03-02T00:00:00Z.
Without one, it happens at the time of the step above. Durations are written
90s, 15m, 3h15m or 2d12h. Text after # is a comment. A failure prints the
comment of its line, or else the nearest comment above it.

In this reference, a|b means a or b, and what is in [ ] is optional. A word in
capitals stands for a value; followed by … it stands for the rest of the line or
clause.

  D          a duration
  TIME       a time, as at the beginning of a step
  ZONE       a time zone such as Europe/Berlin, or "each zone" for the asset's own
  PLATFORM   linux (the default), windows or macos
  ARCHITECTURE
             amd64 (the default), arm64 or 386
  STEP       a progress step or a result such as Deploying or Completed, or one of
             inventory, download, preflight, install, action, prompt, reboot

Patches that are published at the start are in the catalog at once. Later ones
are there after the next sync. A product is one title on one platform and
architecture: the same product name on another platform is another product. A
job is for one platform, on any architecture (JOB-7).
` + lines.reference("LINES") +
		clockClauses.reference("SETTINGS of the clock line") +
		patchOptions.reference("OPTIONS of a patch") +
		jobClauses.reference("CLAUSES of a job") +
		conditions.reference("CONDITIONS of a query (JOB-8)") +
		recurring.reference("SCHEDULES that recur (JOB-9)") +
		policyClauses.reference("CLAUSES of a policy") +
		actions.reference("ACTIONS of an asset") +
		expectations.reference("EXPECTATIONS") + `
The copy of a cloned asset has its own name in a scenario. The server knows only
the asset that both computers call as.
`
}
