package agentsim

// Language returns the reference of the scenario language, as text for people.
// It is made from the tables that the parser reads.
func Language() string {
	return `A scenario has one step per line. A step may begin with a time: +3h15m or +2d
after the start of the clock, or an instant such as 2026-03-02T00:00:00Z.
Without one, it happens at the time of the step above. Durations are written
90s, 15m, 3h15m or 2d12h. Text after # is a comment. A failure prints the
comment of its line, or else the nearest comment above it.

In this reference a|b means either, [ ] may be left out, a word in capitals
stands for a value, and one with … for the rest of the line or clause.

  D          a duration
  TIME       a time, as at the beginning of a step
  ZONE       a time zone such as Europe/Berlin, or "each zone" for the asset's own
  PLATFORM   linux, windows or macos; without one: linux
  ARCHITECTURE
             amd64, arm64 or 386; without one: amd64
  STEP       a progress step or a result such as Deploying or Completed, or one of
             inventory, download, preflight, install, action, prompt, reboot

Patches that are published at the start are listed at once, later ones by the
next sync. A product is one title on one platform and architecture: patches and
assets of different platforms may use the same product name and do not mean the
same product. A job is for one platform, on any architecture (JOB-7).
` + lines.reference("LINES") +
		clockClauses.reference("SETTINGS of the clock line") +
		patchOptions.reference("OPTIONS of a patch") +
		jobClauses.reference("CLAUSES of a job") +
		conditions.reference("CONDITIONS of a query (JOB-8)") +
		recurring.reference("SCHEDULES that recur (JOB-9)") +
		policyClauses.reference("CLAUSES of a policy") +
		actions.reference("ACTIONS of an asset") +
		expectations.reference("EXPECTATIONS") + `
A copy of an asset has a name of its own. What the server shows is that of the
asset as which both call.
`
}
