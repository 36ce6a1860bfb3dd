package enum

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// grams is a value that keeps what it cannot read.
type grams struct{ text string }

func (g grams) MarshalText() ([]byte, error) { return []byte(g.text), nil }
func (g *grams) UnmarshalText(t []byte) error {
	if len(t) > 0 && !strings.HasSuffix(string(t), "g") {
		return fmt.Errorf("%q is not a weight", t)
	}
	g.text = string(t)
	return nil
}
func (g *grams) KeepUnknown(text string) { g.text = "kept " + strings.TrimPrefix(text, "kept ") }

type crate struct {
	Fruit  fruit   `json:"fruit,omitempty"`
	Others []fruit `json:"others,omitempty"`
	Weight grams   `json:"weight,omitzero"`
	Number uint8   `json:"number,omitempty"`
	Text   string  `json:"text,omitempty"`
}

func (c *crate) NoteUnknown(field, name string) { c.Text += fmt.Sprintf("(%s %s)", field, name) }

type label struct {
	Fruit fruit `json:"fruit,omitempty"`
}

type truck struct {
	label
	Crates []crate `json:"crates,omitempty"`
	Spare  *crate  `json:"spare,omitempty"`
	Sealed []byte  `json:"sealed,omitempty"`
	noted  string
}

func (t *truck) NoteUnknown(field, name string) { t.noted += fmt.Sprintf("(%s %s)", field, name) }

func TestUnmarshal_MAN11(t *testing.T) {
	for text, want := range map[string]truck{
		`{"fruit":"pear","crates":[{"fruit":"apple"}],"more":1}`: {label: label{pear}, Crates: []crate{{Fruit: apple}}},
		`{"fruit":"cherry","sealed":"AQI="}`:                     {label: label{Unknown}, Sealed: []byte{1, 2}, noted: "(fruit cherry)"},
		`{"fruit":"unknown"}`:                                    {label: label{Unknown}}, // it was noted before it was written
		`{"crates":[{},{"fruit":"cherry","text":"ripe","others":["pear","","fig"]}],"spare":{"number":300}}`: {
			Crates: []crate{{}, {Fruit: Unknown, Others: []fruit{pear, 0, Unknown}, Text: "ripe(fruit cherry)(others[2] fig)"}},
			Spare:  &crate{Number: Unknown, Text: "(number 300)"},
		},
		`{"crates":[{"weight":"3 lb","fruit":"plum pie"}]}`: {Crates: []crate{{Fruit: Unknown, Weight: grams{"kept 3 lb"}, Text: "(fruit plum pie)"}}},
		`{"fruit":"fig","crates":null,"spare":null}`:        {label: label{Unknown}, noted: "(fruit fig)"},
	} {
		var got truck
		require.NoError(t, Unmarshal([]byte(text), &got), text)
		require.Equal(t, want, got, text)
	}
	for _, bad := range []string{``, `{`, `[]`, `{"fruit":7}`, `{"fruit":"cherry","crates":7}`, `{"crates":[{"number":-1}]}`, `{"crates":[{"number":"9"}]}`, `{"crates":[{"weight":7}]}`, `{"spare":[]}`} {
		require.Error(t, Unmarshal([]byte(bad), new(truck)), bad)
	}
	_, err := json.Marshal(truck{label: label{Unknown}})
	require.NoError(t, err)
}

// FuzzUnmarshal writes what it reads, and reads the same again. Reading never
// panics.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"fruit":"cherry","crates":[{"fruit":"fig","others":["x","pear"],"weight":"3 lb","number":256}],"spare":{"fruit":"?"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var read truck
		if Unmarshal(data, &read) != nil {
			return
		}
		read.noted = ""
		written, err := json.Marshal(read)
		require.NoError(t, err)
		var back truck
		require.NoError(t, Unmarshal(written, &back))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again))
	})
}
