// Package serve is the example server: a controller over SQLite, HTTP for agents
// and for the administrator, the feeds, and the loops that sync the catalog and
// make due orders.
package serve
