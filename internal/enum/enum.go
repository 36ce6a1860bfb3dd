// Package enum prints, parses and lists the values of small named integers.
//
// The zero value of every such type is invalid and means "not set". It prints
// as "kind(0)" and marshals as the empty text. A type declares its names once,
// and its methods forward to them:
//
//	var fruits = enum.Of[Fruit]("fruit", "apple", "pear")
//
//	func (f Fruit) String() string                { return fruits.String(f) }
//	func (f Fruit) MarshalText() ([]byte, error)  { return fruits.MarshalText(f) }
//	func (f *Fruit) UnmarshalText(t []byte) error { return fruits.UnmarshalText(t, f) }
package enum

import (
	"fmt"
	"slices"
	"strings"
)

// Names holds the names of the values of E. It is safe for concurrent use.
type Names[E ~uint8] struct {
	kind  string
	names []string // by value; empty: there is no such value
}

// UnknownError is the error about a name or a number that the kind does not
// have.
type UnknownError struct {
	Kind  string   // like "availability"
	Value string   // what was found
	Want  []string // every name of the kind, in order
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown %s %q: want one of %s", e.Kind, e.Value, strings.Join(e.Want, ", "))
}

// Of names the values 1, 2, 3 … of E. Kind is what errors call them.
func Of[E ~uint8](kind string, names ...string) Names[E] {
	return Names[E]{kind, append([]string{""}, names...)}
}

// At names the values of an E that has gaps: names[e] is the name of e.
func At[E ~uint8](kind string, names []string) Names[E] { return Names[E]{kind, names} }

// String returns the name of e, "unknown" for [Unknown], or "kind(n)" for a
// number without a name.
func (n Names[E]) String(e E) string {
	if e == Unknown {
		return unknownName
	}
	if !n.Valid(e) {
		return fmt.Sprintf("%s(%d)", n.kind, uint8(e))
	}
	return n.names[e]
}

// Valid reports whether e has a name.
func (n Names[E]) Valid(e E) bool { return int(e) < len(n.names) && n.names[e] != "" }

// All lists the values in order.
func (n Names[E]) All() (all []E) {
	for i, name := range n.names {
		if name != "" {
			all = append(all, E(i))
		}
	}
	return all
}

// Parse returns the value with the name s. Names must match exactly. The error
// is an *[UnknownError].
func (n Names[E]) Parse(s string) (E, error) {
	if i := slices.Index(n.names, s); i >= 0 && s != "" {
		return E(i), nil
	}
	return 0, n.unknown(s)
}

func (n Names[E]) unknown(value string) error {
	want := slices.DeleteFunc(slices.Clone(n.names), func(name string) bool { return name == "" })
	return &UnknownError{Kind: n.kind, Value: value, Want: want}
}

// MarshalText returns the name of e. The zero value is the empty text, and
// [Unknown] is "unknown". For a number without a name the error is an
// *[UnknownError].
func (n Names[E]) MarshalText(e E) ([]byte, error) {
	if e == 0 {
		return []byte{}, nil
	}
	if e != Unknown && !n.Valid(e) {
		return nil, n.unknown(fmt.Sprint(uint8(e)))
	}
	return []byte(n.String(e)), nil
}

// UnmarshalText sets e to the value with the name text. The empty text is the
// zero value. For an unknown name the error is an *[UnknownError], and e stays
// as it is.
func (n Names[E]) UnmarshalText(text []byte, e *E) error {
	if len(text) == 0 {
		*e = 0
		return nil
	}
	v, err := n.Parse(string(text))
	if err == nil {
		*e = v
	}
	return err
}
