// Package memstore keeps a controller's records in memory: for tests,
// simulations and examples.
//
// It is the reference of the controller.Store port. Options.Seed makes it
// misbehave in every way the port allows, the same way each time: transactions
// run more than once, and their first runs may fail or see a consistent state
// that is already old. Code that passes its tests on such a store relies on
// nothing that the port does not promise.
package memstore
