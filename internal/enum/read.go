package enum

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Unknown is the value that [Unmarshal] sets for a name that this release does
// not know. It is not a valid value of any type. It prints and marshals as
// "unknown". It is greater than every value, so code that compares values by
// order must check for it first.
const Unknown = 255

const unknownName = "unknown"

// Noter is a value that keeps unknown names in a text that people see: those of
// its fields, and of the fields below them that have no Noter of their own.
// Field is a path like "check.reason" or "patches[2].status".
type Noter interface{ NoteUnknown(field, name string) }

// Keeper is a value that keeps what it cannot read: the text, or the JSON of a
// value that is not a text.
type Keeper interface{ KeepUnknown(text string) }

// Unmarshal reads JSON that another release may have written (MAN-11). It is
// like [json.Unmarshal], except that an unknown name does not fail the rest:
// the field becomes [Unknown], and NoteUnknown of the innermost [Noter] around
// it is called. The same happens to a number that is too large, if the enum has
// no text form. A [Keeper] keeps its text instead. V is a pointer; after an
// error its target is undefined.
func Unmarshal(data []byte, v any) error { return UnmarshalTo(data, v, nil) }

// UnmarshalTo is [Unmarshal] with a Noter for fields that have none of their
// own; nil: their unknown names are dropped.
func UnmarshalTo(data []byte, v any, outer Noter) error {
	err := json.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	// What cannot be read at all fails again with the same error.
	at := reflect.ValueOf(v).Elem()
	at.SetZero()
	return read(data, at, func(field, name string) {
		if outer != nil {
			outer.NoteUnknown(field, name)
		}
	}, "")
}

// read reads piece by piece what could not be read as a whole.
func read(data []byte, v reflect.Value, note func(field, name string), field string) error {
	if noter, is := v.Addr().Interface().(Noter); is {
		var notes [][2]string // passed on at the end: the noter's own text may come after them
		defer func() {
			for _, n := range notes {
				noter.NoteUnknown(n[0], n[1])
			}
		}()
		note, field = func(field, name string) { notes = append(notes, [2]string{field, name}) }, ""
	}
	err := json.Unmarshal(data, v.Addr().Interface())
	if err == nil {
		return nil
	}
	_, ownJSON := v.Addr().Interface().(json.Unmarshaler)
	_, ownText := v.Addr().Interface().(encoding.TextUnmarshaler)
	keeper, keeps := v.Addr().Interface().(Keeper)
	name, isName := string(data), false
	if len(data) > 0 && data[0] == '"' {
		isName = json.Unmarshal(data, &name) == nil
	}
	switch kind := v.Kind(); {
	case keeps && isName == !ownJSON:
		keeper.KeepUnknown(name)
		return nil
	case ownJSON:
		return err
	case ownText || kind == reflect.Uint8:
		isNumber := strings.Trim(name, "0123456789") == ""
		if kind != reflect.Uint8 || isName != ownText || !isName && !isNumber {
			return err
		}
		v.SetUint(Unknown)
		if name != unknownName {
			note(field, name)
		}
		return nil
	case kind == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return read(data, v.Elem(), note, field)
	case kind == reflect.Slice:
		var elements []json.RawMessage
		if json.Unmarshal(data, &elements) != nil {
			return err
		}
		v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
		for i, element := range elements {
			if err := read(element, v.Index(i), note, fmt.Sprintf("%s[%d]", field, i)); err != nil {
				return err
			}
		}
		return nil
	case kind == reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil {
			return err
		}
		v.SetZero()
		return readObject(members, v, note, field)
	default:
		return err
	}
}

// readObject reads the members that the struct has fields for.
func readObject(members map[string]json.RawMessage, v reflect.Value, note func(field, name string), field string) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, tagged := f.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct { // its members are those of v
			if err := readObject(members, v.Field(i), note, field); err != nil {
				return err
			}
			continue
		}
		member, there := members[name]
		if !there || !f.IsExported() {
			continue
		}
		if err := read(member, v.Field(i), note, strings.TrimPrefix(field+"."+name, ".")); err != nil {
			return err
		}
	}
	return nil
}
