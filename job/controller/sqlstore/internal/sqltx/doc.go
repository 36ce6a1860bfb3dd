// Package sqltx runs the transactions of a controller.Store on an SQL database.
// A Dialect says how one engine is spoken to; what the port promises is the same
// code for all of them.
package sqltx
