// Package authenticode judges the signatures inside Windows programs, Windows Installer packages and cabinets.
package authenticode
