package jsonfeed

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// node is a part of the schema: the keywords that it uses, and no others.
type node struct {
	Schema      string           `json:"$schema"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Ref         string           `json:"$ref"`
	Defs        map[string]*node `json:"$defs"`
	Type        string           `json:"type"`
	Const       any              `json:"const"`
	Enum        []string         `json:"enum"`
	AnyOf       []*node          `json:"anyOf"`
	Pattern     string           `json:"pattern"`
	MinLength   int              `json:"minLength"`
	MaxLength   int              `json:"maxLength"`
	Minimum     *float64         `json:"minimum"`
	Maximum     *float64         `json:"maximum"`
	Items       *node            `json:"items"`
	MaxItems    int              `json:"maxItems"`
	Properties  map[string]*node `json:"properties"`
	Required    []string         `json:"required"`
	Additional  *bool            `json:"additionalProperties"`
}

func readSchema(t testing.TB) *node {
	t.Helper()
	root := &node{}
	require.NoError(t, strict([]byte(Schema()), root), "a keyword that the tests do not know")
	require.Equal(t, "https://json-schema.org/draft/2020-12/schema", root.Schema)
	return root
}

// resolve follows a reference. Keywords beside it are only descriptions and
// lengths.
func (n *node) resolve(t testing.TB, root *node) *node {
	t.Helper()
	if n.Ref == "" {
		return n
	}
	name, _ := strings.CutPrefix(n.Ref, "#/$defs/")
	require.NotNil(t, root.Defs[name], "%s leads nowhere", n.Ref)
	return root.Defs[name]
}

// faults returns what the schema finds wrong with a value.
func (n *node) faults(t testing.TB, root *node, at string, value any) (found []string) {
	t.Helper()
	fault := func(format string, args ...any) { found = append(found, at+": "+fmt.Sprintf(format, args...)) }
	if n.Ref != "" {
		found = n.resolve(t, root).faults(t, root, at, value)
	}
	if n.Const != nil && !reflect.DeepEqual(n.Const, value) {
		fault("is not %v", n.Const)
	}
	if n.Enum != nil && !slices.ContainsFunc(n.Enum, func(e string) bool { return e == value }) {
		fault("%v is not one of %v", value, n.Enum)
	}
	if n.AnyOf != nil && !slices.ContainsFunc(n.AnyOf, func(o *node) bool { return len(o.faults(t, root, at, value)) == 0 }) {
		fault("%v is nothing of what it may be", value)
	}
	kind := ""
	switch v := value.(type) {
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
		length := utf8.RuneCountInString(v)
		if n.Pattern != "" && !regexp.MustCompile(n.Pattern).MatchString(v) || length < n.MinLength || n.MaxLength > 0 && length > n.MaxLength {
			fault("%q has the wrong form or length", v)
		}
	case float64:
		kind = "integer"
		if n.Minimum != nil && v < *n.Minimum || n.Maximum != nil && v > *n.Maximum {
			fault("%v is out of range", v)
		}
	case []any:
		kind = "array"
		if n.MaxItems > 0 && len(v) > n.MaxItems {
			fault("has %d items", len(v))
		}
		for i, item := range v {
			if n.Items != nil {
				found = append(found, n.Items.faults(t, root, fmt.Sprintf("%s[%d]", at, i), item)...)
			}
		}
	case map[string]any:
		kind = "object"
		for _, name := range n.Required {
			if _, has := v[name]; !has {
				fault("lacks %s", name)
			}
		}
		for name, member := range v {
			if p := n.Properties[name]; p != nil {
				found = append(found, p.faults(t, root, at+"."+name, member)...)
			} else if n.Additional != nil {
				fault("has %s", name)
			}
		}
	}
	if n.Type != "" && n.Type != kind {
		fault("is no %s", n.Type)
	}
	return found
}

func check(t testing.TB, root *node, document string) []string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(document), &value))
	return root.faults(t, root, "document", value)
}

func TestSchemaTakesDocuments(t *testing.T) {
	root := readSchema(t)
	example, err := os.ReadFile("../../examples/server/cli/patch.json")
	require.NoError(t, err)
	for _, document := range []string{worked(t), everything, string(example), `{"format":1}`} {
		require.Empty(t, check(t, root, document))
	}
}

func TestSchemaRefusesWhatParseDoes_CAT16(t *testing.T) {
	root := readSchema(t)
	for name, change := range map[string][2]string{
		"another format":    {`"format": 1`, `"format": 2`},
		"unknown member":    {`"title": "T <&>"`, `"titel": "T"`},
		"listed":            {`"title": "T <&>"`, `"listed": "2026-01-02T15:04:05Z"`},
		"no id":             {`"id": "p1", `, ``},
		"empty id":          {`"id": "p1"`, `"id": ""`},
		"long id":           {`"id": "p1"`, `"id": "` + strings.Repeat("x", catalog.MaxID+1) + `"`},
		"number as id":      {`"id": "p1"`, `"id": 1`},
		"no platform":       {`"platform": "linux", `, ``},
		"unknown platform":  {`"linux"`, `"beos"`},
		"unknown severity":  {`"high"`, `"grave"`},
		"unknown class":     {`"driver"`, `"toy"`},
		"unknown scheme":    {`"scheme": "debian"`, `"scheme": "x"`},
		"bare version":      {`"debian:1:2-3"`, `"2"`},
		"bad instant":       {`"2026-01-02T15:04:05.5+02:00"`, `"2026-01-02"`},
		"bad end":           {`"2027-01-01"`, `"soon"`},
		"end is true":       {`"2027-01-01"`, `true`},
		"end of line is 1":  {`"eol": true`, `"eol": 1`},
		"bad digest":        {`md5:0`, `md4:0`},
		"short digest":      {`md5:0`, `md5:`},
		"negative size":     {`"size": 1`, `"size": -1`},
		"huge size":         {`"size": 1`, `"size": 1e18`},
		"path as file name": {`"name": "a"`, `"name": "a/b"`},
		"bare package":      {`"package": {"ecosystem": "Debian:12", `, `"package": {`},
		"bad source":        {`"debian:2-3"`, `"2-3"`},
		"unknown answer":    {`"exploited": "yes"`, `"exploited": "maybe"`},
		"probability":       {`1000000,`, `1000001,`},
		"no probability":    {`1000000,`, `-1,`},
		"empty CVE id":      {`["CVE-2026-1"], "severity"`, `[""], "severity"`},
		"fix of nothing":    {`{"package": {"ecosystem": "Acme", "name": "q"}, `, `{`},
		"bad fix":           {`"fixed": "debian:2"`, `"fixed": "2"`},
		"star in a product": {`"q*"`, `"q*r"`},
		"half exploited":    {`"allExploited": true`, `"allExploited": 1`},
		"gopher":            {`file:///srv/a`, `gopher://a`},
	} {
		t.Run(name, func(t *testing.T) {
			document := strings.Replace(everything, change[0], change[1], 1)
			require.NotEqual(t, everything, document)
			require.NotEmpty(t, check(t, root, document))
			_, _, rejected, err := parse(document)
			require.True(t, err != nil || len(rejected) > 0, "Parse takes what the schema refuses")
		})
	}
}

// Every member and value of the format is in the schema, and nothing else.
func TestSchemaIsTheFormat(t *testing.T) {
	root := readSchema(t)
	used := map[string]bool{}
	walk(t, root, used, "document", reflect.TypeFor[document](), root)
	require.ElementsMatch(t, slices.Collect(maps.Keys(root.Defs)), slices.Collect(maps.Keys(used)), "definitions that nothing uses")
	for name := range root.Properties {
		_, err := Parse("acme", []byte(`{"`+name+`":null}`))
		require.ErrorContains(t, err, "format 0", "Parse does not know %s", name)
	}
}

func walk(t *testing.T, root *node, used map[string]bool, at string, typ reflect.Type, n *node) {
	name, _ := strings.CutPrefix(n.Ref, "#/$defs/")
	if name != "" {
		used[name] = true
	}
	n = n.resolve(t, root)
	leaf, isLeaf := map[reflect.Type]string{
		reflect.TypeFor[time.Time](): "instant", reflect.TypeFor[end](): "end", reflect.TypeFor[version.Version](): "version",
		reflect.TypeFor[version.Scheme](): "scheme", reflect.TypeFor[integrity.Digest](): "digest",
	}[typ]
	_, isText := reflect.New(typ).Interface().(encoding.TextUnmarshaler)
	switch {
	case isLeaf:
		require.Equal(t, leaf, name, at)
	case typ == reflect.TypeFor[lineEnd]():
		require.Len(t, n.AnyOf, 2, at)
		require.Equal(t, "boolean", n.AnyOf[0].Type, at)
		walk(t, root, used, at, reflect.TypeFor[end](), n.AnyOf[1])
	case isText:
		require.ElementsMatch(t, valuesOf(t, typ), n.Enum, at)
	case typ.Kind() == reflect.Struct:
		require.Equal(t, "object", n.Type, at)
		require.True(t, n.Additional != nil && !*n.Additional, "%s: other members are refused", at)
		members := membersOf(typ)
		require.ElementsMatch(t, slices.Collect(maps.Keys(members)), slices.Collect(maps.Keys(n.Properties)), at)
		for name, member := range members {
			walk(t, root, used, at+"."+name, member, n.Properties[name])
		}
	case typ.Kind() == reflect.Slice:
		require.Equal(t, "array", n.Type, at)
		walk(t, root, used, at+"[]", typ.Elem(), n.Items)
	default:
		want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int64: "integer", reflect.Uint32: "integer"}[typ.Kind()]
		if at == "document.format" {
			require.EqualValues(t, Format, n.Const)
			return
		}
		require.Equal(t, want, n.Type, at)
	}
}

// membersOf returns the members that encoding/json reads into a struct, without
// the catalog's own.
func membersOf(typ reflect.Type) map[string]reflect.Type {
	members, depth := map[string]reflect.Type{}, map[string]int{}
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if known, has := depth[name]; name == "" || name == "listed" && typ == reflect.TypeFor[patch]() || has && known < len(f.Index) {
			continue
		}
		members[name], depth[name] = f.Type, len(f.Index)
	}
	return members
}

// valuesOf returns the texts of an enum.
func valuesOf(t *testing.T, typ reflect.Type) (texts []string) {
	require.Equal(t, reflect.Uint8, typ.Kind(), "%s", typ)
	for i := 1; i < 256; i++ {
		v := reflect.New(typ).Elem()
		v.SetUint(uint64(i))
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err == nil && reflect.New(typ).Interface().(encoding.TextUnmarshaler).UnmarshalText(text) == nil { // "unknown" is not read
			texts = append(texts, string(text))
		}
	}
	require.NotEmpty(t, texts)
	return texts
}

// The schema's bounds are the catalog's.
func TestSchemaHasTheLimits_CAT16(t *testing.T) {
	root := readSchema(t)
	d := root.Defs
	for what, c := range map[string][2]int{
		"id":         {d["id"].MaxLength, catalog.MaxID},
		"text":       {d["text"].MaxLength, catalog.MaxText},
		"url":        {d["url"].MaxLength, catalog.MaxURL},
		"scheme":     {d["scheme"].MaxLength, version.MaxScheme},
		"lines":      {d["lines"].MaxItems, catalog.MaxLines},
		"prefix":     {d["line"].Properties["prefix"].MaxLength, version.MaxLength},
		"artifacts":  {d["patch"].Properties["artifacts"].MaxItems, catalog.MaxArtifacts},
		"supersedes": {d["patch"].Properties["supersedes"].MaxItems, catalog.MaxEdges},
		"requires":   {d["patch"].Properties["requires"].MaxItems, catalog.MaxEdges},
		"cves":       {d["cves"].MaxItems, catalog.MaxCVEs},
		"cve":        {d["cve"].MaxLength, catalog.MaxCVE},
		"fixes":      {d["advisory"].Properties["fixes"].MaxItems, catalog.MaxFixes},
		"a line set": {d["lineSet"].Properties["product"].MaxLength, catalog.MaxID},
		"file name":  {d["artifact"].Properties["name"].MaxLength, catalog.MaxFileName},
		"digests":    {d["artifact"].Properties["digests"].MaxItems, catalog.MaxDigests},
	} {
		require.Equal(t, c[1], c[0], what)
	}
	require.EqualValues(t, int64(catalog.MaxSize), *d["artifact"].Properties["size"].Maximum)
}

// What the schema requires is required, and nothing else.
func TestSchemaRequiresWhatParseDoes_CAT16(t *testing.T) {
	root := readSchema(t)
	for name, c := range map[string]struct{ record, around string }{
		"product": {`{"id":"p","name":"P","platform":"linux","scheme":"debian","vendor":"V"}`, `{"format":1,"products":[%s]}`},
		"line": {`{"prefix":"1","eol":true,"extended":"2026-01-01"}`,
			`{"format":1,"products":[{"id":"p","name":"P","platform":"linux","scheme":"debian","lines":[%s]}]}`},
		"package": {`{"ecosystem":"Debian:12","name":"p"}`,
			`{"format":1,"products":[{"id":"p","name":"P","platform":"linux","scheme":"debian","package":%s}]}`},
		"patch":         {`{"id":"x","product":"p","version":"debian:1","title":"T","artifacts":[],"eol":"2026-01-01"}`, `{"format":1,"patches":[%s]}`},
		"vulnerability": {`{"id":"CVE-1","severity":"low","exploited":"no","probability":1,"withdrawn":true}`, `{"format":1,"vulnerabilities":[%s]}`},
		"advisory":      {`{"id":"A","cves":[],"severity":"low","withdrawn":true,"fixes":[]}`, `{"format":1,"advisories":[%s]}`},
		"fix": {`{"package":{"ecosystem":"Acme","name":"p"},"introduced":"debian:1","fixed":"debian:2"}`,
			`{"format":1,"advisories":[{"id":"A","fixes":[%s]}]}`},
		"lineSet":     {`{"product":"p","lines":[]}`, `{"format":1,"lineSets":[%s]}`},
		"requirement": {`{"patch":"y","reboot":true}`, `{"format":1,"patches":[{"id":"x","product":"p","version":"debian:1","requires":[%s]}]}`},
		"artifact": {`{"name":"a","availability":"Repository","size":1,"signer":"S"}`,
			`{"format":1,"patches":[{"id":"x","product":"p","version":"debian:1","artifacts":[%s]}]}`},
	} {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(c.record), &record))
		for member := range record {
			less := maps.Clone(record)
			delete(less, member)
			text, err := json.Marshal(less)
			require.NoError(t, err)
			_, _, rejected, err := parse(fmt.Sprintf(c.around, text))
			require.NoError(t, err)
			require.Equal(t, slices.Contains(root.Defs[name].Required, member), len(rejected) > 0, "%s without %s: %v", name, member, rejected)
		}
	}
}
