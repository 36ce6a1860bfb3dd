package version

import "testing"

func FuzzParse(f *testing.F) {
	for scheme, rows := range rising {
		for _, row := range rows {
			f.Add(uint8(scheme), row[0])
		}
	}
	f.Add(uint8(0), "1")
	f.Fuzz(func(t *testing.T, scheme uint8, text string) {
		v, err := Parse(Scheme(scheme), text)
		if (err == nil) == v.IsZero() {
			t.Fatalf("%q: version %v and error %v", text, v, err)
		}
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Fatalf("the message has %d bytes", len(err.Error()))
			}
			return
		}
		form, err := v.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Version
		if err := back.UnmarshalText(form); err != nil || back != v {
			t.Fatalf("%q became %v, %v", form, back, err)
		}
		_ = v.Upstream()
	})
}

func FuzzCompare(f *testing.F) {
	for scheme, rows := range rising {
		for i := range rows[2:] {
			f.Add(uint8(scheme), rows[i][0], rows[i+1][0], rows[i+2][0])
		}
	}
	f.Fuzz(func(t *testing.T, scheme uint8, a, b, c string) {
		u, errU := Parse(Scheme(scheme), a)
		v, errV := Parse(Scheme(scheme), b)
		w, errW := Parse(Scheme(scheme), c)
		if errU != nil || errV != nil || errW != nil {
			return
		}
		lawful(t, u, v, w)
	})
}
