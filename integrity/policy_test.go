package integrity

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keyPEM and certificatePEM have the shape of what they are called; that they
// can be read is for the verifiers to say.
const (
	keyPEM         = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
	certificatePEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	ringPEM        = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
)

func wholePolicy() Policy {
	anchor := "sha256:" + strings.Repeat("ab", 32)
	return Policy{
		Format: PolicyFormat,
		Signers: []Signer{
			{Name: "Example", OpenPGP: []OpenPGPTrust{{Keyring: ringPEM, Fingerprints: []string{strings.Repeat("0F", 20), strings.Repeat("1e", 32) + "!"}, Threshold: 2}}},
			{Name: "Acme", Authenticode: []AuthenticodeTrust{{
				Anchors: []string{anchor, certificatePEM}, Organization: "Acme Corporation", Usage: "1.3.6.1.4.1.311.10.3.6",
				Timestampers: []string{anchor}, At: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
			}}},
			{Name: "Forge", Sigstore: []SigstoreTrust{
				{Keys: []string{keyPEM, keyPEM}, Threshold: 2, Predicates: []string{"https://slsa.dev/provenance/v1"}},
				{Identities: []Identity{{Anchors: []string{certificatePEM}, Name: "release@forge.example", Organization: "Forge", Issuer: "https://login.forge.example", Timestampers: []string{certificatePEM}, At: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}}},
			}},
		},
		Clauses: []Clause{
			{Name: "windows", Vendor: "Acme", Product: Any, Signers: []string{"Acme"}, Formats: []Format{PE, MSI, CAB}},
			{Name: "editor", Vendor: "Acme", Product: "acme/editor", Signers: []string{"Forge", "Acme"}, Formats: []Format{DSSE, PE}, AllowLegacy: true},
			{Name: "rpm", Vendor: "Example", Product: Any, Signers: []string{"Example"}, Formats: []Format{RPM}},
			{Name: "debian", Vendor: "Debian", Product: Any, AllowUnsigned: true},
		},
	}
}

// CAT-17: a clause can ask for the feed; it is about no patch of another one, and a product or
// vendor that is named with a feed finds no wider clause from elsewhere.
func TestClauseAsksForTheFeed_CAT17(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	vendors, products, feeds := []string{"Acme", "Other", Any}, []string{"reader", "editor", Any}, []string{"f", "g", ""}
	found := 0
	for range 3000 {
		var clauses []Clause
		for _, v := range vendors {
			for _, p := range products {
				for _, f := range feeds {
					if random.IntN(6) == 0 {
						clauses = append(clauses, Clause{Name: v + "/" + p + "/" + f, Vendor: v, Product: p, Feed: f})
					}
				}
			}
		}
		random.Shuffle(len(clauses), func(i, j int) { clauses[i], clauses[j] = clauses[j], clauses[i] })
		require.NoError(t, Policy{Format: PolicyFormat, Clauses: clauses}.Validate())
		for _, v := range append(vendors, "Third") {
			for _, p := range append(products, "third") {
				for _, f := range append(feeds, "h") {
					want, wantFound := slowFor(clauses, f, v, p)
					got, has := Excerpt{Clauses: clauses}.For(f, v, p)
					require.Equal(t, wantFound, has, "%v: %q %q %q", clauses, f, v, p)
					require.Equal(t, want, got, "%v: %q %q %q", clauses, f, v, p)
					found += len(got.Feed)
				}
			}
		}
	}
	require.NotZero(t, found)

	own := excerpt(Clause{Name: "acme", Vendor: "Acme", Product: Any, Feed: "acme.json", AllowUnsigned: true}, Clause{Name: "rest", Vendor: Any, Product: Any, AllowUnsigned: true})
	good := digestOf("file")
	for feed, want := range map[string]Reason{"acme.json": ChecksumMatched, "evil.json": NoClause, "": NoClause} {
		terms := Terms{Feed: feed, Vendor: "Acme", Product: "editor", Expect: Expectation{Digests: []Digest{good}}, Own: own}
		require.Equal(t, want, terms.Judge(Signature{Status: Absent}, []Digest{good}).Reason, "feed %q", feed)
	}
	_, err := ParsePolicy([]byte(`{"format":1,"clauses":[{"name":"a","vendor":"*","product":"*","feed":" x"}]}`))
	require.ErrorContains(t, err, "clauses[0].feed")
}

// The most specific clause decides, wherever it stands.
func TestMostSpecificClauseDecides_INT1(t *testing.T) {
	vendors, products := []string{"Acme", "Other", Any}, []string{"reader", "editor", Any}
	random := rand.New(rand.NewPCG(1, 1))
	for set := range 1 << (len(vendors) * len(products)) {
		var clauses []Clause
		for i, v := range vendors {
			for j, p := range products {
				if set>>(i*len(products)+j)&1 == 1 {
					clauses = append(clauses, Clause{Name: v + "/" + p, Vendor: v, Product: p})
				}
			}
		}
		random.Shuffle(len(clauses), func(i, j int) { clauses[i], clauses[j] = clauses[j], clauses[i] })
		require.NoError(t, Policy{Format: PolicyFormat, Clauses: clauses}.Validate())
		for _, v := range append(vendors, "Third", "") {
			for _, p := range append(products, "third", "") {
				want, wantFound := slowFor(clauses, "", v, p)
				got, found := Excerpt{Clauses: clauses}.For("", v, p)
				require.Equal(t, wantFound, found, "%v: %q %q", clauses, v, p)
				require.Equal(t, want, got, "%v: %q %q", clauses, v, p)
			}
		}
	}
	// A product that is named does not fall to a wider clause when an order
	// gives it another vendor (INT-4).
	own := excerpt(Clause{Name: "named", Vendor: "Acme", Product: "reader"}, Clause{Name: "rest", Vendor: Any, Product: Any, AllowUnsigned: true})
	_, found := own.For("", "Evil", "reader")
	require.False(t, found)
	rest, found := own.For("", "Evil", "other")
	require.True(t, found)
	require.Equal(t, "rest", rest.Name)
}

// The digest is that of what the policy says, not of how it is written.
func TestDigestIsOfTheMeaning_INT4(t *testing.T) {
	p := wholePolicy()
	digest := p.Digest()
	require.Empty(t, digest.fault())
	require.Equal(t, digest, p.Excerpt().Digest)
	canonical, err := p.MarshalCanonical()
	require.NoError(t, err)
	again, err := ParsePolicy(canonical)
	require.NoError(t, err)
	require.Equal(t, digest, again.Digest())
	twice, err := again.MarshalCanonical()
	require.NoError(t, err)
	require.Equal(t, string(canonical), string(twice))
	spaced, err := json.MarshalIndent(p, " ", "   ")
	require.NoError(t, err)
	again, err = ParsePolicy(spaced)
	require.NoError(t, err)
	require.Equal(t, digest, again.Digest())

	mixed := wholePolicy()
	slices.Reverse(mixed.Clauses)
	slices.Reverse(mixed.Signers)
	slices.Reverse(mixed.Clauses[2].Signers)
	slices.Reverse(mixed.Clauses[2].Formats)
	for _, s := range mixed.Signers { // the same instants, elsewhere
		east := time.FixedZone("east", 3600)
		for i := range s.Authenticode {
			s.Authenticode[i].At = s.Authenticode[i].At.In(east)
		}
		for i := range s.Sigstore {
			for k, id := range s.Sigstore[i].Identities {
				s.Sigstore[i].Identities[k].At = id.At.In(east)
			}
		}
	}
	require.Equal(t, digest, mixed.Digest())
	require.Equal(t, wholePolicy(), p, "nothing was sorted in place")

	for name, change := range map[string]func(*Policy){
		"a clause less":   func(p *Policy) { p.Clauses = p.Clauses[1:] },
		"a clause's name": func(p *Policy) { p.Clauses[0].Name = "other" },
		"a vendor":        func(p *Policy) { p.Clauses[0].Vendor = Any },
		"legacy allowed":  func(p *Policy) { p.Clauses[0].AllowLegacy = true },
		"an anchor":       func(p *Policy) { p.Signers[1].Authenticode[0].Anchors[0] = "sha256:" + strings.Repeat("cd", 32) },
		"an identity":     func(p *Policy) { p.Signers[2].Sigstore[1].Identities[0].Name = "a@b" },
		"an identity's time": func(p *Policy) {
			id := &p.Signers[2].Sigstore[1].Identities[0]
			id.At = id.At.Add(time.Nanosecond)
		},
		"a threshold":      func(p *Policy) { p.Signers[0].OpenPGP[0].Threshold = 1 },
		"a fallback":       func(p *Policy) { p.Clauses = append(p.Clauses, Clause{Name: "rest", Vendor: Any, Product: Any}) },
		"unsigned allowed": func(p *Policy) { p.Clauses[2].AllowUnsigned = true },
	} {
		p := wholePolicy()
		change(&p)
		require.NotEqual(t, digest, p.Digest(), name)
	}
	p.Signers[1].Authenticode[0].At = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, Digest{}, p.Digest(), "what cannot be written has none")
}

func TestExcerptOnly(t *testing.T) {
	x := wholePolicy().Excerpt()
	require.NoError(t, x.Validate())
	require.False(t, x.IsZero())
	require.True(t, Excerpt{}.IsZero())
	editor, _ := x.For("", "Acme", "acme/editor")
	windows, _ := x.For("", "Acme", "acme/player")
	part := x.Only(windows, editor, windows, editor)
	require.Equal(t, Excerpt{Digest: x.Digest, Clauses: []Clause{windows, editor}}, part)
	require.NoError(t, part.Validate())
	require.Equal(t, Excerpt{Digest: x.Digest}, x.Only())
	for _, of := range [][2]string{{"Acme", "acme/editor"}, {"Acme", "acme/player"}} {
		whole, _ := x.For("", of[0], of[1])
		got, _ := part.For("", of[0], of[1])
		require.Equal(t, whole, got)
	}
}

// What is not understood is refused and never means less (JOB-20).
func TestParsePolicyIsStrict_JOB20(t *testing.T) {
	good := `{"format":1,"clauses":[{"name":"a","vendor":"*","product":"*","allowUnsigned":true}]}`
	_, err := ParsePolicy([]byte(good))
	require.NoError(t, err)
	for name, tc := range map[string]struct{ text, want string }{
		"empty":              {"", "line 1: it is empty"},
		"cut off":            {good[:40], "ends too early"},
		"more after it":      {good + "{}", "something follows"},
		"a list":             {"[]", "the document must not be a JSON array"},
		"a number":           {"7", "the document must not be a JSON number"},
		"null":               {"null", "a value is null"},
		"not JSON":           {"signers: []", "invalid character"},
		"not UTF-8":          {strings.Replace(good, `"a"`, "\"\xff\"", 1), "is not UTF-8"},
		"unknown field":      {strings.Replace(good, `"name"`, `"strickt":true,"name"`, 1), `unknown field "strickt"`},
		"repeated field":     {strings.Replace(good, `"name"`, `"allowUnsigned":false,"name"`, 1), `field "allowUnsigned" is there twice`},
		"in other letters":   {strings.Replace(good, `"name"`, `"allowUnſigned":false,"name"`, 1), `is there twice`},
		"in another case":    {strings.Replace(good, `"name"`, `"ALLOWunsigned":false,"name"`, 1), `is there twice`},
		"null field":         {strings.Replace(good, `true`, `null`, 1), "a value is null"},
		"null in a list":     {`{"format":1,"clauses":[null]}`, "a value is null"},
		"wrong kind":         {strings.Replace(good, `true`, `"yes"`, 1), "must not be a JSON string"},
		"unknown format":     {strings.Replace(good, `"allowUnsigned":true`, `"formats":["exe"]`, 1), `formats[0] "exe": no signer of the clause has keys or certificates for this format`},
		"another version":    {strings.Replace(good, `1`, `2`, 1), `format "2": want 1`},
		"no version":         {`{"clauses":[]}`, `format "0": want 1`},
		"line of the fault":  {"{\n\"format\":1,\n\"format\":1}", "line 3"},
		"too large":          {good + strings.Repeat(" ", MaxPolicy), fmt.Sprintf("at most %d", MaxPolicy)},
		"nested without end": {strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "nested over 1000 deep"},
	} {
		p, err := ParsePolicy([]byte(tc.text))
		var invalid *Invalid
		require.ErrorAs(t, err, &invalid, name)
		require.ErrorContains(t, err, tc.want, name)
		require.Empty(t, p, name)
	}
	_, err = ParsePolicy([]byte(good + strings.Repeat(" ", MaxPolicy-len(good))))
	require.NoError(t, err, "as large as can be")
}

func FuzzParsePolicy(f *testing.F) {
	whole, err := wholePolicy().MarshalCanonical()
	require.NoError(f, err)
	f.Add(whole)
	f.Add([]byte(`{"format":1,"clauses":[{"name":"a","vendor":"*","product":"*","allowUnsigned":true}]}`))
	f.Add([]byte(`{"format":1,"format":1,"clauses":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePolicy(data)
		if err != nil {
			if _, ok := errors.AsType[*Invalid](err); !ok || err.Error() == "" {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		canonical, err := p.MarshalCanonical()
		require.NoError(t, err)
		again, err := ParsePolicy(canonical)
		require.NoError(t, err)
		require.Equal(t, p.Digest(), again.Digest())
		x := p.Excerpt()
		require.NoError(t, x.Validate())
		for _, c := range p.Clauses {
			got, found := x.For(c.Feed, c.Vendor, c.Product)
			require.True(t, found || c.Product == Any || c.Vendor == Any)
			if found && c.Vendor != Any && c.Product != Any {
				require.Equal(t, c.Name, got.Name)
			}
			require.NoError(t, x.Only(c).Validate())
		}
	})
}

// A clause may name the formats in which its signers are known, and no others.
func TestFormatsAreThoseOfTheSigners(t *testing.T) {
	for _, tc := range []struct {
		signer Signer
		can    []Format
	}{
		{Signer{Authenticode: []AuthenticodeTrust{{Anchors: []string{certificatePEM}}}}, []Format{PE, MSI, CAB}},
		{Signer{OpenPGP: []OpenPGPTrust{{Keyring: ringPEM}}}, []Format{OpenPGP, RPM}},
		{Signer{Sigstore: []SigstoreTrust{{Keys: []string{keyPEM}}}}, []Format{Key, Certificate, DSSE}},
		{Signer{Other: []OtherTrust{{Format: "minisign", Keys: []string{"RWQ"}}}}, []Format{"minisign"}},
	} {
		tc.signer.Name = "S"
		for _, f := range []Format{PE, MSI, CAB, OpenPGP, RPM, Key, Certificate, DSSE, "minisign", "other"} {
			p := Policy{Format: PolicyFormat, Signers: []Signer{tc.signer}, Clauses: []Clause{{Name: "c", Vendor: Any, Product: Any, Signers: []string{"S"}, Formats: []Format{f}}}}
			require.Equal(t, slices.Contains(tc.can, f), p.Validate() == nil, f)
		}
	}
}
