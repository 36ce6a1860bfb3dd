package jsonfeed

import _ "embed"

//go:embed schema.json
var schema string

// Schema returns the JSON Schema (2020-12) of the document format, for editors
// and for programs that write documents. It describes what [Marshal] writes. A
// document that has this form can still have records that are rejected.
func Schema() string { return schema }
