// Package memstore keeps a controller's records in memory: for tests, simulations and examples.
//
// It is the reference of the controller.Store port. Options.Seed makes it misbehave in every way the port allows, the
// same way each time: transactions run more than once, first attempts see a state that is consistent but already old.
// Code that passes its tests on such a store leans on nothing the port does not promise.
package memstore
