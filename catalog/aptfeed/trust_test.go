package aptfeed

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	ours "github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

const begin, end = "-----BEGIN PGP SIGNED MESSAGE-----", "-----END PGP SIGNATURE-----"

// Whatever is not exactly one block, signed by a key that is trusted and good
// today, is refused with the cause.
func TestInReleaseTraps(t *testing.T) {
	good, other := newKey(t, "good", 0), newKey(t, "other", 0)
	expired := newKey(t, "expired", 25*time.Hour-90*time.Minute)
	revoked := newKey(t, "revoked", 0)
	message := clearsigned(t, "Suite: bookworm\n", good)
	byRevoked := clearsigned(t, "Suite: bookworm\n", revoked)
	require.NoError(t, revoked.RevokeKey(packet.KeyCompromised, "stolen", &packet.Config{Time: func() time.Time { return today.Add(-time.Minute) }}))
	short, err := openpgp.NewEntity("short", "", "", &packet.Config{
		Algorithm: packet.PubKeyAlgoRSA, RSABits: 1024, MinRSABits: 1023, Time: func() time.Time { return today.Add(-24 * time.Hour) },
	})
	require.NoError(t, err)
	trusted := trust(t, good, expired, revoked, short)
	cut := func(s string) []byte { before, _, _ := strings.Cut(string(message), s); return []byte(before) }
	swap := func(from, to string) []byte {
		changed := strings.Replace(string(message), from, to, 1)
		require.NotEqual(t, string(message), changed)
		return []byte(changed)
	}
	signature := string(message[strings.Index(string(message), "-----BEGIN PGP SIGNATURE"):])
	for _, tt := range []struct {
		name  string
		data  []byte
		cause fault.Cause // zero: good
		text  string
	}{
		{"good", message, "", ""},
		{"good, with DOS line ends", bytes.ReplaceAll(message, []byte("\n"), []byte("\r\n")), "", ""},
		{"good, with blank lines at the end", append(bytes.Clone(message), "\n\n"...), "", ""},
		{"one good of two signatures, the good one last", clearsigned(t, "Suite: bookworm\n", other, good), "", ""},
		{"one good of two signatures, the good one first", clearsigned(t, "Suite: bookworm\n", good, other), "", ""},
		{"one good of two, the other by an expired key", clearsigned(t, "Suite: bookworm\n", expired, good), "", ""},
		{"one good of two, the other by a key that is too short", clearsigned(t, "Suite: bookworm\n", short, good), "", ""},
		{"empty", nil, fault.Unsigned, "no signature"},
		{"not signed", []byte("Suite: bookworm\n"), fault.Unsigned, "no signature"},
		{"text before", append([]byte("Suite: evil\n\n"), message...), fault.BadSignature, "before"},
		{"a blank line before", append([]byte("\n"), message...), fault.BadSignature, "before"},
		{"text after", append(bytes.Clone(message), "Suite: evil\n"...), fault.BadSignature, "after"},
		{"two blocks", append(bytes.Clone(message), message...), fault.BadSignature, "more than one"},
		{"a block within the text", swap("Suite", begin+"\nSuite"), fault.BadSignature, "more than one"},
		{"signature cut off", cut("-----BEGIN PGP SIGNATURE"), fault.BadSignature, "cut off"},
		{"cut off inside the signature", cut(end), fault.BadSignature, "cut off"},
		{"cut off inside the text", cut("bookworm"), fault.BadSignature, "cut off"},
		{"cut off after the first line", []byte(begin), fault.BadSignature, "cut off"},
		{"only the signature", []byte(signature), fault.BadSignature, "before"},
		{"altered", swap("bookworm", "bookwork"), fault.BadSignature, "no signature is good"},
		{"a line added", swap("Suite", "Origin: x\nSuite"), fault.BadSignature, "no signature is good"},
		{"an unknown header", swap("Hash: ", "Charset: x\nHash: "), fault.BadSignature, "broken"},
		{"an empty signature", swap(signature, "-----BEGIN PGP SIGNATURE-----\n\n"+end+"\n"), fault.BadSignature, "empty"},
		{"a key in place of the signature", swap(signature, strings.NewReplacer("PUBLIC KEY BLOCK", "SIGNATURE").Replace(armored(t, good))), fault.BadSignature, "broken"},
		{"by an unknown key", clearsigned(t, "Suite: bookworm\n", other), fault.UnknownKey, fmt.Sprintf("%X", other.PrimaryKey.Fingerprint)},
		{"by an expired key", clearsigned(t, "Suite: bookworm\n", expired), fault.BadSignature, "expired"},
		{"by a revoked key", byRevoked, fault.BadSignature, "revoked"},
		{"by an unknown and an expired key", clearsigned(t, "Suite: bookworm\n", other, expired), fault.BadSignature, "expired"},
		{"by a key that is too short", clearsigned(t, "Suite: bookworm\n", short), fault.BadSignature, "RSA with 1024 bits"},
		{"by an unknown key and one that is too short", clearsigned(t, "Suite: bookworm\n", other, short), fault.BadSignature, "RSA with 1024 bits"},
		{"too many signatures", manySigned(t, ours.MaxSignatures+1, other), fault.TooLarge, "more than 32"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain, err := signedRelease{text: tt.data, where: "http://example.com/InRelease"}.verified(trusted, today)
			if tt.cause == "" {
				require.NoError(t, err)
				require.Equal(t, "Suite: bookworm", string(plain))
				return
			}
			var e *fault.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.cause, e.Cause, e.Error())
			require.Contains(t, e.Error(), tt.text)
			require.Contains(t, e.Error(), "http://example.com/InRelease: ")
			require.Nil(t, plain, "nothing of it is used")
		})
	}
}

// trust makes a verifier of keys.
func trust(t testing.TB, keys ...*openpgp.Entity) *ours.Verifier {
	t.Helper()
	var ring bytes.Buffer
	for _, key := range keys {
		require.NoError(t, key.Serialize(&ring))
	}
	return trustRing(t, ring.Bytes())
}

func trustRing(t testing.TB, ring []byte) *ours.Verifier {
	t.Helper()
	keys, err := trusting([][]byte{ring}, nil)
	require.NoError(t, err)
	return keys
}

func manySigned(t *testing.T, n int, key *openpgp.Entity) []byte {
	keys := make([]*openpgp.Entity, n)
	for i := range keys {
		keys[i] = key
	}
	return clearsigned(t, "Suite: bookworm\n", keys...)
}

// GnuPG's own output is understood, and a signature over a weak digest proves
// nothing (INT-7). The files were made by gpg --clearsign with --digest-algo
// SHA512 and SHA1, on 2026-05-09, with a key of 2048 bits.
func TestSignaturesOfGnuPG_INT7(t *testing.T) {
	for _, form := range []string{"key.asc", "key.gpg"} {
		keys, err := readKeys("", filepath.Join("testdata/gpg", form))
		require.NoError(t, err)
		good, err := os.ReadFile("testdata/gpg/sha512.txt")
		require.NoError(t, err)
		plain, err := signedRelease{text: good, where: "InRelease"}.verified(trustRing(t, keys), today)
		require.NoError(t, err)
		require.Equal(t, "Suite: bookworm\r\n- dashed\r\nFrom here", string(plain))

		weak, err := os.ReadFile("testdata/gpg/sha1.txt")
		require.NoError(t, err)
		_, err = signedRelease{text: weak, where: "InRelease"}.verified(trustRing(t, keys), today)
		require.ErrorContains(t, err, "the digest SHA-1 is too weak")
	}
}

func TestReleaseWithDetachedSignature(t *testing.T) {
	key := newKey(t, "archive", 0)
	for name, sign := range map[string]func(w *bytes.Buffer, text []byte) error{
		"armored": func(w *bytes.Buffer, text []byte) error {
			return openpgp.ArmoredDetachSign(w, key, bytes.NewReader(text), &packet.Config{Time: func() time.Time { return today.Add(-time.Hour) }})
		},
		"binary": func(w *bytes.Buffer, text []byte) error {
			return openpgp.DetachSign(w, key, bytes.NewReader(text), &packet.Config{Time: func() time.Time { return today.Add(-time.Hour) }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, "bookworm", key).main(deb("hare", "1", "amd64")).publish().serve()
			plain, err := signedRelease{text: r.files[r.below("InRelease")], where: ""}.verified(trust(t, key), today)
			require.NoError(t, err)
			delete(r.files, r.below("InRelease"))
			r.files[r.below("Release")] = plain
			f := open(t, config(root(t, r)))[0]
			failed(t, f, fault.Unsigned)

			var signature bytes.Buffer
			require.NoError(t, sign(&signature, plain))
			r.files[r.below("Release.gpg")] = signature.Bytes()
			require.Len(t, fetched(t, f).Patches, 1)
			require.True(t, fetched(t, f).Unchanged)

			for text, bad := range map[string][]byte{"altered": append([]byte("X: y\n"), plain...), "empty signature": {}, "cut signature": signature.Bytes()[:30]} {
				r.files[r.below("Release")], r.files[r.below("Release.gpg")] = plain, signature.Bytes()
				cause := fault.BadSignature
				if text == "altered" {
					r.files[r.below("Release")] = bad
				} else {
					r.files[r.below("Release.gpg")] = bad
				}
				if text == "empty signature" {
					cause = fault.Unsigned
				}
				failed(t, f, cause)
			}
		})
	}
}

// What a repository can do wrong, each with its cause; the next good state is taken again (CAT-1).
func TestRepositoryFaults_CAT1(t *testing.T) {
	list := "dists/bookworm/main/binary-amd64/Packages"
	get := func(suffix string, do func(w http.ResponseWriter, r *http.Request)) func(*repo) {
		return func(r *repo) {
			r.answer = func(w http.ResponseWriter, req *http.Request) bool {
				if strings.Contains(req.URL.Path, suffix) {
					do(w, req)
					return true
				}
				return false
			}
		}
	}
	status := func(code int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	brokenOff := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("Suite"))
	}
	change := func(data []byte) []byte {
		data = bytes.Clone(data)
		data[len(data)/2] ^= 1
		return data
	}
	lists := func(alter func([]byte) []byte) func(*repo) {
		return func(r *repo) {
			for name, data := range r.files {
				if strings.Contains(name, "/main/") {
					r.files[name] = alter(data)
				}
			}
		}
	}
	// again publishes with some of the Release file's fields changed.
	again := func(fields ...string) func(*repo) {
		return func(r *repo) {
			for i := 0; i < len(fields); i += 2 {
				r.fields[fields[i]] = fields[i+1]
			}
			r.publish()
		}
	}
	resigned := func(alter func(text string) string) func(*repo) {
		return func(r *repo) {
			plain, err := signedRelease{text: r.files[r.below("InRelease")], where: ""}.verified(trust(t, r.keys...), today)
			require.NoError(t, err)
			r.files[r.below("InRelease")] = clearsigned(t, alter(strings.ReplaceAll(string(plain), "\r", ""))+"\n", r.keys...)
		}
	}
	replace := func(from, to string) func(*repo) {
		return resigned(func(text string) string {
			changed := strings.Replace(text, from, to, 1)
			require.NotEqual(t, text, changed)
			return changed
		})
	}
	key := newKey(t, "archive", 0)
	for _, tt := range []struct {
		name  string
		spoil func(r *repo)
		cause fault.Cause
		text  string
	}{
		{"no such suite", func(r *repo) { r.files = nil }, fault.Missing, "404"},
		{"server error", get("", status(500)), fault.Unreachable, "500"},
		{"forbidden", get("", status(403)), fault.Unreachable, "403"},
		{"not modified, though nothing is held", get("", status(304)), fault.Unreachable, "304"},
		{"InRelease broken off", get("InRelease", brokenOff), fault.Unreachable, "ended early, after 5 bytes"},
		{"InRelease empty", func(r *repo) { r.files[r.below("InRelease")] = nil }, fault.Unsigned, "empty"},
		{"InRelease endless", get("InRelease", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxInRelease+1)) }), fault.TooLarge, "4194304"},
		{"InRelease said to be endless", get("InRelease", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(int64(1)<<40))
		}), fault.TooLarge, "1099511627776"},
		{"redirected in a circle", get("", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), fault.Unreachable, "more than 10 redirects"},
		{"redirected to a file", get("", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		}), fault.Unreachable, "unsupported protocol"},
		{"signed by another key", func(r *repo) { r.keys = []*openpgp.Entity{newKey(t, "other", 0)}; r.publish() }, fault.UnknownKey, "not trusted"},
		{"expired", again("Valid-Until", today.Add(-time.Second).Format(time.RFC1123)), fault.Expired, "valid until 2026-05-10T11:59:59Z"},
		{"from the future", again("Date", today.Add(maxAhead+time.Second).Format(time.RFC1123)), fault.NotYetValid, "check the clock"},
		{"bad end of validity", again("Valid-Until", "never"), fault.Malformed, `its Valid-Until "never" is not a time in UTC`},
		{"two paragraphs", resigned(func(text string) string { return text + "\n\nX: y" }), fault.Malformed, "second paragraph"},
		{"no Release file at all", resigned(func(string) string { return "hello" }), fault.Malformed, "not a Release file"},
		{"no SHA-256", replace("SHA256:", "SHA1:"), fault.Unsupported, "no SHA256 or SHA512"},
		{"bad digest line", replace("main/binary-amd64/Packages\n", "main/binary-amd64/Packages x\n"), fault.Malformed, "bad line"},
		{"two digests of one file", resigned(func(text string) string {
			return text + "\n " + strings.Repeat("0", 64) + " 5 main/binary-amd64/Packages"
		}), fault.Malformed, "two digests"},
		{"negative size", resigned(func(text string) string {
			return text + "\n " + strings.Repeat("0", 64) + " -5 contrib/binary-amd64/Packages"
		}), fault.Malformed, "bad line"},
		{"huge list", resigned(func(text string) string {
			return strings.Split(text, "SHA256:")[0] + "SHA256:\n " + strings.Repeat("0", 64) + " 999999999999 main/binary-amd64/Packages.xz"
		}), fault.TooLarge, "999999999999"},
		{"no such component", func(r *repo) { r.lists = map[string][]string{"contrib/binary-amd64/Packages": {}}; r.publish() }, fault.Missing, "component main for amd64"},
		{"list tampered with", lists(change), fault.Mismatch, "somebody changed it"},
		{"list cut short", lists(func(data []byte) []byte { return data[:len(data)-1] }), fault.Mismatch, "promises"},
		{"list too long", lists(func(data []byte) []byte { return append(bytes.Clone(data), 'x') }), fault.Mismatch, "longer than"},
		{"list broken off", get("/main/", brokenOff), fault.Unreachable, "ended early"},
		{"repository down in the middle", get("/main/", status(503)), fault.Unreachable, "503"},
		{"list gone", get("/main/", status(404)), fault.Missing, "404"},
		{"list cut off when packed", packedAs(list, func([]byte) []byte { return nil }, 100), fault.Malformed, "cannot be unpacked"},
		{"list is no xz", packedAs(list, func([]byte) []byte { return []byte("hello, hello, hello, hello") }, 0), fault.Malformed, "cannot be unpacked"},
		{"decompression bomb", packedAs(list, func([]byte) []byte { return pack(t, make([]byte, 4<<20), ".xz") }, 0), fault.Mismatch, "unpacks to more than"},
		{"the packed list is not the plain one", packedAs(list, func(plain []byte) []byte {
			return pack(t, bytes.Replace(plain, []byte("Version: 1"), []byte("Version: 9"), 1), ".xz")
		}, 0), fault.Mismatch, "unpacks to"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, "bookworm", key).main(deb("hare", "1", "amd64")).publish().serve()
			dir := root(t, r)
			f := open(t, config(dir))[0]
			tt.spoil(r)
			require.ErrorContains(t, failed(t, f, tt.cause), tt.text)
			failed(t, f, tt.cause)

			healed := newRepo(t, "bookworm", key).main(deb("hare", "2", "amd64")).publish()
			r.mu.Lock()
			r.files, r.answer = healed.files, nil
			r.mu.Unlock()
			require.Equal(t, []string{"deb/bookworm/amd64/hare=2"}, ids(fetched(t, f)))
		})
	}
}

// packedAs puts another file in place of the packed list, and signs its digest;
// cut is how much is cut off.
func packedAs(list string, make func(plain []byte) []byte, cut int) func(*repo) {
	return func(r *repo) {
		plain := r.files[list]
		packed := make(plain)
		if packed == nil {
			packed = r.files[list+".xz"]
		}
		packed = packed[:len(packed)-cut]
		was, is := repository.Sum(r.files[list+".xz"]), repository.Sum(packed)
		signed, err := signedRelease{text: r.files[r.below("InRelease")], where: ""}.verified(trust(r.t, r.keys...), today)
		require.NoError(r.t, err)
		text := strings.Replace(strings.ReplaceAll(string(signed), "\r", ""), fmt.Sprintf("%s %8d", was.Digest.Sum, was.Size), fmt.Sprintf("%s %8d", is.Digest.Sum, is.Size), 1)
		r.files[r.below("InRelease")] = clearsigned(r.t, text+"\n", r.keys...)
		r.files[list+".xz"] = packed
		r.files[r.below("main/binary-amd64/by-hash/SHA256/"+is.Digest.Sum)] = packed
	}
}

// A state that was good and was held is looked at again at every fetch: an
// answer "not modified" does not keep it valid.
func TestExpiryIsSeenWithoutANewFile(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
	r.fields["Valid-Until"] = today.Add(time.Hour).Format(time.RFC1123)
	c := config(root(t, r.publish().serve()))
	now := today.Add(time.Hour)
	c.Now = func() time.Time { return now }
	f := open(t, c)[0]
	require.Len(t, fetched(t, f).Patches, 1, "valid at the very instant")
	now = now.Add(time.Second)
	failed(t, f, fault.Expired)
	c.IgnoreValidUntil = true
	require.Len(t, fetched(t, open(t, c)[0]).Patches, 1)
}

// The catalog refuses a Release file older than the newest one, after a restart too, in both forms
// of signature, and takes it when the administrator says so; how old it may be goes with the batch
// (CAT-2).
func TestOlderIsRefusedAcrossRestarts_CAT2(t *testing.T) {
	for _, form := range []string{"InRelease", "Release.gpg"} {
		t.Run(form, func(t *testing.T) {
			key := newKey(t, "archive", 0)
			r := newRepo(t, "bookworm", key).main(deb("hare", "1", "amd64"))
			publish := func(date time.Time) {
				r.fields["Date"] = date.Format(time.RFC1123)
				r.publish()
				if form != "InRelease" {
					plain, err := signedRelease{text: r.files[r.below("InRelease")]}.verified(trust(t, key), today)
					require.NoError(t, err)
					var signature bytes.Buffer
					require.NoError(t, openpgp.DetachSign(&signature, key, bytes.NewReader(plain), &packet.Config{Time: func() time.Time { return today.Add(-time.Hour) }}))
					delete(r.files, r.below("InRelease"))
					r.files[r.below("Release")], r.files[r.below("Release.gpg")] = plain, signature.Bytes()
				}
			}
			r.serve()
			old := today.AddDate(-2, 0, 0)
			publish(old)
			c := config(root(t, r))
			c.CacheDir, c.MaxAge = filepath.Join(t.TempDir(), "cache"), 24*time.Hour
			var snapshot *catalog.Snapshot
			sync := func(f *Feed, accept bool) (catalog.Batch, string) {
				b, err := f.Fetch(t.Context())
				require.NoError(t, err)
				b.AcceptOlder = accept
				snapshot, _ = catalog.Sync(snapshot, []catalog.Batch{b}, today)
				return b, snapshot.Feeds()[0].Err
			}
			b, refused := sync(open(t, c)[0], false)
			require.True(t, old.Equal(b.Dated))
			require.Equal(t, 24*time.Hour, b.MaxAge)
			require.Empty(t, refused)
			require.True(t, snapshot.Feeds()[0].Stale(today))
			publish(old.Add(time.Minute))
			f := open(t, c)[0]
			_, refused = sync(f, false)
			require.Empty(t, refused)
			publish(old)
			for _, again := range []*Feed{f, f, open(t, c)[0]} {
				_, refused = sync(again, false)
				require.Contains(t, refused, "was accepted before")
			}
			_, refused = sync(open(t, c)[0], true)
			require.Empty(t, refused)
		})
	}
}

// The repository's own key, though it is too weak, is not one that is missing from the keyring.
func TestWeakKeyIsNamed(t *testing.T) {
	weak, err := openpgp.NewEntity("weak", "", "", &packet.Config{
		Algorithm: packet.PubKeyAlgoRSA, RSABits: 1024, MinRSABits: 1023, Time: func() time.Time { return today.Add(-24 * time.Hour) },
	})
	require.NoError(t, err)
	r := newRepo(t, "bookworm", weak).main(deb("hare", "1", "amd64")).publish().serve()
	text := failed(t, open(t, config(root(t, r)))[0], fault.BadSignature).Error()
	require.Contains(t, text, "RSA with 1024 bits")
	require.NotContains(t, text, "add the key to the keyring")
}
