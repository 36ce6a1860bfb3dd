package cms

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBERIsReadAsDER(t *testing.T) {
	for name, c := range map[string]struct{ ber, want []byte }{
		"an end mark":         {[]byte{0x30, 0x80, 2, 1, 7, 0, 0}, []byte{0x30, 3, 2, 1, 7}},
		"a string in pieces":  {[]byte{0x30, 0x80, 0x24, 0x80, 4, 1, 'a', 4, 2, 'b', 'c', 0, 0, 0, 0}, []byte{0x30, 5, 4, 3, 'a', 'b', 'c'}},
		"a long length":       {[]byte{0x30, 0x80, 4, 0x82, 0, 1, 'a', 0, 0}, []byte{0x30, 3, 4, 1, 'a'}},
		"DER within":          {[]byte{0x30, 0x80, 0x31, 3, 2, 1, 7, 0, 0}, []byte{0x30, 5, 0x31, 3, 2, 1, 7}},
		"an end mark in DER":  {[]byte{0x30, 7, 0x30, 0x80, 2, 1, 7, 0, 0}, []byte{0x30, 5, 0x30, 3, 2, 1, 7}},
		"zeros before a mark": {[]byte{0x30, 0x80, 4, 2, 0, 0, 0, 0}, []byte{0x30, 4, 4, 2, 0, 0}},
	} {
		got, rest, err := NewFile(loose, nil).toDER(append(bytes.Clone(c.ber), "rest"...))
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
		require.Equal(t, "rest", string(rest), name)
	}
	for name, b := range map[string][]byte{
		"nothing":             nil,
		"no end":              {0x30, 0x80, 2, 1, 7},
		"half an end":         {0x30, 0x80, 2, 1, 7, 0},
		"a primitive one":     {4, 0x80, 0, 0},
		"a piece of no kind":  {0x30, 0x80, 0x24, 0x80, 2, 1, 7, 0, 0, 0, 0},
		"a length beyond all": {0x30, 0x80, 4, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0},
		"a length of 32 bits": {0x30, 0x80, 4, 0x84, 0x80, 0, 0, 0, 0, 0}, // negative where an int has no more
		"too deep":            bytes.Repeat([]byte{0x30, 0x80}, MaxBERDepth+2),
	} {
		_, _, err := NewFile(loose, nil).toDER(b)
		require.Error(t, err, name)
	}
}

func TestLimits(t *testing.T) {
	f := NewFile(loose, nil)
	require.NoError(t, f.Add(make([]byte, MaxCertificate)))
	require.ErrorContains(t, f.Add(make([]byte, MaxCertificate+1)), "16385 bytes")
	for i := range MaxCertificates - 1 {
		require.NoError(t, f.Add([]byte{byte(i)}))
	}
	require.ErrorContains(t, f.Add([]byte("one more")), "more than 64 certificates")
	require.NoError(t, f.Add([]byte{0}), "one that it has")
	require.Equal(t, MaxCertificates, f.Unreadable)
	require.NoError(t, f.check(MaxChecks))
	require.ErrorContains(t, f.check(1), "more than 96 public-key operations")
	require.NoError(t, f.work(MaxWork))
	require.ErrorContains(t, f.work(1), "more than 64 MiB")
	require.ErrorContains(t, NewFile(strict, nil).Add([]byte{0}), "a certificate that cannot be read")

	for rules, most := range map[Rules]int{loose: 8192, strict: 4096} {
		for bits, want := range map[int]string{MinRSA - 1: "2047 bits", MinRSA: "", most: "", most + 1: fmt.Sprint(most+1, " bits")} {
			got := rules.Weak(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(bits-1))})
			require.Equal(t, want == "", got == "", bits)
			require.Contains(t, got, want)
		}
	}

	deep := []byte{2, 1, 7}
	for range MaxLevels - 1 {
		deep = seq(deep)
	}
	require.NoError(t, NewFile(loose, nil).wellFormed(deep))
	require.Error(t, NewFile(loose, nil).wellFormed(seq(deep)))
	wrap := func(n int) []byte {
		b := []byte{2, 1, 7}
		for range n {
			b = cat([]byte{0x30, 0x80}, b, []byte{0, 0})
		}
		return b
	}
	_, _, err := NewFile(loose, nil).toDER(wrap(MaxBERDepth))
	require.NoError(t, err)
	_, _, err = NewFile(loose, nil).toDER(wrap(MaxBERDepth + 1))
	require.Error(t, err)

	clock := issue(t, nil, nil, forStamps)
	for n, want := range map[int]string{MaxOfToken: "", MaxOfToken + 1: "more than 8 certificates"} {
		s := stamped{who: clock}
		for len(s.shown) < n-1 {
			s.shown = append(s.shown, clock.Raw) // the same counts, too: it has to be read
		}
		stamp := NewFile(strict, nil).Token(s.token(t), signature)
		require.Equal(t, want == "", stamp.err == nil, "%d: %v", n, stamp.err)
		if want != "" {
			require.ErrorContains(t, stamp.err, want)
		}
	}
	require.NotContains(t, NewFile(strict, nil).Token(make([]byte, MaxToken), nil).err.Error(), "at most")
	require.ErrorContains(t, NewFile(strict, nil).Token(make([]byte, MaxToken+1), nil).err, "at most 65536")
	_, err = NewFile(strict, nil).reply(make([]byte, MaxToken+1))
	require.ErrorContains(t, err, "at most 65536")

	var many [][]byte
	for i := range MaxAttributes + 1 {
		many = append(many, attr(NewOID(fmt.Sprint("1.2.", i)), number(1)))
	}
	r := Read(cat(many[1:]...))
	require.Len(t, r.attributes(), MaxAttributes)
	require.NoError(t, r.Err())
	r = Read(cat(many...))
	r.attributes()
	require.ErrorContains(t, r.Err(), "more than 64 attributes")
	s := Signer{others: []attribute{{oidMicrosoftTimestamp, cat(many[:3]...)}, {oidCountersignature, many[0]}}}
	stamps, err := NewFile(loose, nil).Stamps(&s)
	require.NoError(t, err)
	require.Len(t, stamps, MaxTimestamps)
	s.others[1].values = cat(many[:2]...)
	_, err = NewFile(loose, nil).Stamps(&s)
	require.ErrorContains(t, err, "timestamps")
}

// A chain of MaxChain certificates is followed to its end, one of more is not.
func TestLimitOfChains(t *testing.T) {
	root := issue(t, nil, nil, authority)
	pins := strict.Certificate(root.Certificate).Print
	f := NewFile(strict, nil)
	above := root
	for i := 1; i <= MaxChain; i++ {
		require.NoError(t, f.Add(above.Raw))
		leaf := strict.Certificate(issue(t, above, nil, forCode).Certificate)
		chains, err := f.Chains(leaf, []Fingerprint{pins}, x509.ExtKeyUsageCodeSigning)
		if i < MaxChain {
			require.NoError(t, err)
			require.Len(t, chains[0].certificates, i+1)
		} else {
			require.ErrorContains(t, err, "leads to no certificate")
		}
		above = issue(t, above, nil, func(c *x509.Certificate) { authority(c); c.Subject.CommonName = fmt.Sprint("CA ", i) })
	}
}

// A certificate must say itself what it is for. What crypto/x509 takes to be
// for everything is for nothing here.
func TestUsage_INT1(t *testing.T) {
	root := issue(t, nil, nil, authority)
	code, stamping, servers, anything := x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageAny
	usages := func(list ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = list }
	}
	key := func(usage x509.KeyUsage, change func(*x509.Certificate)) func(*x509.Certificate) {
		return func(c *x509.Certificate) { change(c); c.KeyUsage = usage }
	}
	const noCode, noStamps, noSignatures = "is not for signing code", "is not for timestamps alone", "is not for signatures"
	for name, tc := range map[string]struct {
		change func(*x509.Certificate)
		usage  x509.ExtKeyUsage
		strict string // why it is refused; empty: it is not
		loose  string
	}{
		"code":                           {usages(code), code, "", ""},
		"code and servers":               {usages(code, servers), code, "", ""},
		"code, and the key for anything": {key(0, usages(code)), code, "", ""},
		"code, and the key commits":      {key(x509.KeyUsageContentCommitment, usages(code)), code, "", ""},
		"code, and the key encrypts":     {key(x509.KeyUsageKeyEncipherment, usages(code)), code, noSignatures, noSignatures},
		"code, and the key certifies":    {key(x509.KeyUsageCertSign, usages(code)), code, noSignatures, noSignatures},
		"servers":                        {usages(servers), code, noCode, noCode},
		"anything":                       {usages(anything), code, noCode, noCode},
		"nothing":                        {usages(), code, noCode, noCode},
		"timestamps for code":            {forStamps, code, noCode, noCode},
		"timestamps":                     {forStamps, stamping, "", ""},
		"timestamps, if one likes":       {usages(stamping), stamping, noStamps, ""},
		"timestamps and code":            {critical(stamping, code), stamping, noStamps, noStamps},
		"timestamps and anything":        {critical(stamping, anything), stamping, noStamps, noStamps},
		"timestamps, the key encrypts":   {key(x509.KeyUsageKeyEncipherment, forStamps), stamping, noSignatures, noSignatures},
		"code for timestamps":            {critical(code), stamping, noStamps, noStamps},
		"anything for timestamps":        {critical(anything), stamping, noStamps, noStamps},
		"nothing for timestamps":         {usages(), stamping, noStamps, noStamps},
	} {
		for rules, want := range map[Rules]string{strict: tc.strict, loose: tc.loose} {
			pinned := rules.Certificate(root.Certificate)
			leaf := rules.Certificate(issue(t, root, nil, tc.change).Certificate)
			_, err := NewFile(rules, []*Certificate{pinned}).Chains(leaf, []Fingerprint{pinned.Print}, tc.usage)
			if want == "" {
				require.NoError(t, err, name)
				continue
			}
			require.ErrorContains(t, err, want, name)
			require.False(t, AsRefusal(err).Decides, "%s: another signature may be right", name)
		}
	}
}

// A certificate that names a parent and was not signed by it was changed. One
// that was signed in a way that is not known here was not: it merely leads
// nowhere.
func TestChangedCertificate_INT9(t *testing.T) {
	root := issue(t, nil, keyRSA(), authority)
	pinned := loose.Certificate(root.Certificate)
	child := issue(t, root, nil, forCode).Raw
	last := bytes.Clone(child)
	last[len(last)-1] ^= 1
	rsa256, rsa224 := object(NewOID("1.2.840.113549.1.1.11")), object(NewOID("1.2.840.113549.1.1.14"))
	for decides, raw := range map[bool][]byte{true: last, false: bytes.ReplaceAll(child, rsa256, rsa224)} {
		leaf, err := x509.ParseCertificate(raw)
		require.NoError(t, err)
		_, err = NewFile(loose, []*Certificate{pinned}).Chains(loose.Certificate(leaf), []Fingerprint{pinned.Print}, x509.ExtKeyUsageCodeSigning)
		require.Error(t, err)
		require.Equal(t, decides, AsRefusal(err).Decides, "%v", err)
	}
}

// What is copied at every level, and what is read again and again, is counted.
func TestWorkIsBounded(t *testing.T) {
	pieces := octets(make([]byte, 8<<20))
	for range MaxBERDepth - 2 {
		pieces = Encode(TagOctets|tagConstructed, pieces)
	}
	f := NewFile(loose, nil)
	_, _, err := f.Message(cat([]byte{0x30, 0x80}, pieces, []byte{0, 0}), oidData, TagSequence, MaxCertificates)
	require.ErrorContains(t, err, "more than 64 MiB of reading")
	require.Less(t, f.Bytes, MaxWork+20<<20)

	token := stamped{who: issue(t, nil, nil, forStamps)}.token(t)
	f = NewFile(loose, nil)
	for err = nil; err == nil; err = f.Token(token, signature).err {
		require.LessOrEqual(t, f.Bytes, MaxWork)
	}
	require.ErrorContains(t, err, "more than 64 MiB of reading")
}

func FuzzMessage(f *testing.F) {
	clock := issue(f, nil, keyRSA(), forStamps)
	token := stamped{who: clock}.token(f)
	f.Add(token)
	f.Add(stamped{who: clock}.counter(f))
	f.Add([]byte("00\x02\x01\x010\x140\x0f000000000000000\x02\x0100\r\x06\t`\x86H\x01e\x03\x04\x02\x010\x00\xa00000000")) // its attributes are cut off
	f.Add(seq(seq(number(0)), token))
	f.Add(cat([]byte{0x30, 0x80}, token[4:], []byte{0, 0}))
	pinned := strict.Certificate(clock.Certificate)
	f.Fuzz(func(t *testing.T, b []byte) {
		file := NewFile(strict, []*Certificate{pinned})
		for _, stamp := range []Stamp{file.Token(b, signature), countersignature(b, signature)} {
			known, _, err := file.Dated([]Stamp{stamp}, []Fingerprint{pinned.Print})
			require.True(t, err == nil || AsRefusal(err).Text != "")
			for _, k := range known {
				require.Equal(t, signedOn, k.Time, "it was made once")
			}
		}
		if token, err := file.reply(b); err == nil {
			require.LessOrEqual(t, len(token), len(b))
		}
		require.LessOrEqual(t, file.Checks, MaxChecks+MaxChain)
		require.LessOrEqual(t, file.Bytes, MaxWork+2*len(b))
	})
}
