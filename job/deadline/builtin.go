package deadline

import (
	"maps"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

var builtIn = map[string]func() Table{"bod-26-04": BOD2604, "pci-dss": PCIDSS, "cyber-essentials": CyberEssentials}

// BuiltIn returns the built-in table of a name: bod-26-04, pci-dss or
// cyber-essentials. The error is an *[Invalid] for any other name.
func BuiltIn(name string) (Table, error) {
	if table := builtIn[name]; table != nil {
		return table(), nil
	}
	return Table{}, problem.One("table", "name", name, "is not built in; choose one of %s", strings.Join(slices.Sorted(maps.Keys(builtIn)), ", "))
}

// BOD2604 is the table of the binding operational directive 26-04 of CISA, of
// 2026-06-10, which replaced 19-02 and 22-01. Its days count from the earliest
// date, and end in UTC: set Zone for another. A row with Triage wants evidence
// of an attack collected before the fix is installed.
func BOD2604() Table {
	const triage = "Collect forensic evidence before the fix is installed."
	return Table{
		Name: "CISA BOD 26-04", Source: "CISA, Binding Operational Directive 26-04", Anchor: FromEarliest,
		Rows: []Row{
			{When: Condition{Exploited: catalog.Yes, Exposed: catalog.Yes, TotalImpact: catalog.Yes}, Days: 3, Triage: true, Duty: triage},
			{When: Condition{Exploited: catalog.Yes, Automatable: catalog.Yes, TotalImpact: catalog.Yes}, Days: 3, Triage: true, Duty: triage},
			{When: Condition{Exploited: catalog.Yes, Exposed: catalog.Yes, Automatable: catalog.Yes}, Days: 3},
			{When: Condition{Exposed: catalog.Yes, Automatable: catalog.Yes, TotalImpact: catalog.Yes}, Days: 3},
			{When: Condition{Exploited: catalog.Yes}, Days: 14},
			{When: Condition{Exposed: catalog.Yes, Automatable: catalog.Yes}, Days: 14},
			{When: Condition{Exposed: catalog.Yes, TotalImpact: catalog.Yes}, Days: 14},
			{When: Condition{Exposed: catalog.Yes}, Days: 60},
			{When: Condition{Automatable: catalog.Yes}, Days: 60},
			{NextUpgrade: true},
		},
	}
}

// PCIDSS is the table of requirement 6.3.3 of PCI DSS 4.0.1: fixes of critical
// vulnerabilities within a month of their release, taken as 30 days. For other
// vulnerabilities the standard lets each organization choose the time and gives
// three months as an example, taken as 90 days.
func PCIDSS() Table {
	return Table{
		Name: "PCI DSS 6.3.3", Source: "PCI SSC, Data Security Standard 4.0.1, requirement 6.3.3", Anchor: FromPublished,
		Rows: []Row{{When: Condition{Severity: catalog.Critical}, Days: 30}, {Days: 90}},
	}
}

// CyberEssentials is the table of the security update management of Cyber
// Essentials: fixes within 14 days of their release, if the vulnerability is
// critical or high or its vendor gives no severity. The others have no date.
func CyberEssentials() Table {
	return Table{
		Name: "Cyber Essentials", Source: "NCSC, Cyber Essentials: Requirements for IT Infrastructure, security update management", Anchor: FromPublished,
		Rows: []Row{{When: Condition{Severity: catalog.High}, Days: 14}, {NextUpgrade: true}},
	}
}
