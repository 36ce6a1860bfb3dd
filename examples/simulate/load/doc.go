// Package load calls a real server as many agents would, and measures the
// answers. An agent here installs nothing: it reports each order as completed.
package load
