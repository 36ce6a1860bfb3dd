// Package serve is the example server: a controller over SQLite, the agents' and the administrator's HTTP, the feeds,
// and the two loops that sync the catalog and make due orders.
package serve
