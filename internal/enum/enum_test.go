package enum

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

type fruit uint8

const (
	apple fruit = 1 + iota
	pear
	plum
)

var fruits = Of[fruit]("fruit", "apple", "pear", "purple plum")

func (f fruit) String() string                { return fruits.String(f) }
func (f fruit) MarshalText() ([]byte, error)  { return fruits.MarshalText(f) }
func (f *fruit) UnmarshalText(t []byte) error { return fruits.UnmarshalText(t, f) }

func TestNamesAreNumberedFromOne(t *testing.T) {
	require.Equal(t, []fruit{apple, pear, plum}, fruits.All())
	for f, want := range map[fruit]string{
		0:     "fruit(0)",
		apple: "apple",
		pear:  "pear",
		plum:  "purple plum",
		4:     "fruit(4)",
		254:   "fruit(254)",
		255:   "unknown",
	} {
		require.Equal(t, want, f.String())
		require.Equal(t, f >= apple && f <= plum, fruits.Valid(f), "%s", f)
	}
}

func TestGaps(t *testing.T) {
	sparse := At[fruit]("fruit", []string{pear: "pear", 7: "fig"})
	require.Equal(t, []fruit{pear, 7}, sparse.All())
	for f, want := range map[fruit]string{0: "fruit(0)", apple: "fruit(1)", pear: "pear", 6: "fruit(6)", 7: "fig", 8: "fruit(8)"} {
		require.Equal(t, want, sparse.String(f))
		_, err := sparse.MarshalText(f)
		require.Equal(t, sparse.Valid(f) || f == 0, err == nil, "%d", f)
	}
	f, err := sparse.Parse("fig")
	require.NoError(t, err)
	require.EqualValues(t, 7, f)
	_, err = sparse.Parse("")
	require.EqualError(t, err, `unknown fruit "": want one of pear, fig`)
}

func TestEveryValueIsReadBackFromItsText(t *testing.T) {
	for _, f := range append(fruits.All(), 0) {
		text, err := f.MarshalText()
		require.NoError(t, err)
		back := plum
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, f, back)
	}
}

func TestUnknownNamesAreRefusedByName(t *testing.T) {
	for _, s := range []string{"cherry", "Apple", " apple", "apple\n", "fruit(1)", "1"} {
		f := pear
		err := f.UnmarshalText([]byte(s))
		var unknown *UnknownError
		require.ErrorAs(t, err, &unknown, "%q", s)
		require.Equal(t, UnknownError{Kind: "fruit", Value: s, Want: []string{"apple", "pear", "purple plum"}}, *unknown)
		require.Equal(t, pear, f, "a refused text must change nothing")
	}
	_, err := fruits.Parse("")
	require.EqualError(t, err, `unknown fruit "": want one of apple, pear, purple plum`)
}

func TestUnknownNumbersAreNotWritten(t *testing.T) {
	_, err := fruit(4).MarshalText()
	require.EqualError(t, err, `unknown fruit "4": want one of apple, pear, purple plum`)
	_, err = json.Marshal(map[string]fruit{"f": 9})
	require.True(t, errors.As(err, new(*UnknownError)), "%v", err)
}

func TestListsAreTheCallersOwn(t *testing.T) {
	fruits.All()[0] = plum
	require.Equal(t, []fruit{apple, pear, plum}, fruits.All())
	_, err := fruits.Parse("cherry")
	var unknown *UnknownError
	require.ErrorAs(t, err, &unknown)
	unknown.Want[0] = "cherry"
	require.Equal(t, "apple", apple.String())
}

// FuzzParse parses any text: it is either refused, or the name of one value
// that prints as the text.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "apple", "purple plum", "fruit(0)", "APPLE", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := fruits.Parse(s)
		if err != nil {
			require.Zero(t, v)
			require.ErrorContains(t, err, fmt.Sprintf("%q", s))
			return
		}
		require.True(t, fruits.Valid(v))
		require.Equal(t, s, v.String())
	})
}

func Example() {
	var f fruit
	fmt.Println(json.Unmarshal([]byte(`"pear"`), &f), f)
	fmt.Println(json.Unmarshal([]byte(`"cherry"`), &f))
	// Output:
	// <nil> pear
	// unknown fruit "cherry": want one of apple, pear, purple plum
}
