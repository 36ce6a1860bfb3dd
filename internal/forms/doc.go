// Package forms tests that each release reads what the others write (MAN-11).
//
// It holds tests only. A form is what one release writes and another may read:
// a check-in and its answer, an enrolment and its answer, a manifest, both
// parts of an agent's state, the agent's files, and the server's records. A
// folder of testdata/forms has the forms of one release, each as JSON with
// every field set. It never changes once that release is tagged.
//
//   - The production code reads every set.
//
//   - The newest set is what this code writes. If it is not, a form changed:
//     the documentation of package manifest says how one may change. Before the
//     first tag, record v0 again. Afterwards record a new set, named for the
//     next release:
//
//     go test ./internal/forms -record v0
//
//   - A later release is simulated: each form of each set is read with an
//     unknown field in every object, and with every name of a value, version
//     scheme and digest algorithm replaced by an unknown one.
package forms
