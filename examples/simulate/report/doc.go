// Package report is the subcommand fleet of program simulate: it lets a fleet of package agentsim/fleet live through its days
// and writes what became of it, as a page for people and as JSON.
package report
