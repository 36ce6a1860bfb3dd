// Package forms holds what each release wrote, and reads it (MAN-11).
//
// It holds tests only. A form is what one release writes and another may read: a check-in, its answer, an enrolment and its
// answer, a manifest, both parts of an agent's state, the agent's files, and the server's records. A folder of
// testdata/forms has the forms of one release, each as JSON with every field set, and stays as it is once that release is tagged.
//
//   - Every set is read by the code that reads the form in earnest.
//
//   - What is written today is the newest set. When it is not, a form changed: see the documentation of package manifest for how one
//     may change. Before the first tag, write v0 again; afterwards begin a new set, named for the release to come:
//
//     go test ./internal/forms -record v0
//
//   - A later release is played: each form of each set is read with an unknown field in every object, and with every name of a
//     value, version scheme and digest algorithm replaced by one that nobody knows.
package forms
