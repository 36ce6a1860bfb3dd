package rpmfeed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// realNames returns up to n names and versions of this machine's package lists,
// versions in rpm's form.
func realNames(b *testing.B, n int) (names, versions []string) {
	cmd := exec.Command("apt-cache", "dumpavail")
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	if err := cmd.Start(); err != nil {
		b.Skipf("SKIPPED ALOUD: there is no apt-cache here, the source of real names: %v", err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	clean := strings.NewReplacer("-", ".", ":", ".")
	for lines.Scan() && len(versions) < n {
		if name, is := strings.CutPrefix(lines.Text(), "Package: "); is {
			names = append(names, name)
		} else if v, is := strings.CutPrefix(lines.Text(), "Version: "); is && len(versions) < len(names) {
			epoch, rest, has := strings.Cut(v, ":")
			if !has {
				epoch, rest = "0", v
			}
			at := strings.LastIndexByte(rest, '-')
			if at < 0 {
				rest, at = rest+"-1", len(rest)
			}
			versions = append(versions, epoch+" "+clean.Replace(rest[:at])+" "+rest[at+1:])
		}
	}
	return names[:len(versions)], versions
}

// volume is a repository of n real names with four provides and requires, six
// files, and an advisory for every tenth package.
func volume(b *testing.B, n int) *repo {
	names, versions := realNames(b, n)
	if len(names) < n {
		b.Skipf("SKIPPED ALOUD: only %d packages are listed here, not %d: run apt-get update first", len(names), n)
	}
	var primary, advice strings.Builder
	for i, name := range names {
		v := strings.Fields(versions[i])
		var format strings.Builder
		for k := range 4 {
			fmt.Fprintf(&format, `<rpm:entry name="lib%s.so.%d()(64bit)" flags="EQ" epoch="%s" ver="%s" rel="%s"/>`, name, k, v[0], v[1], v[2])
		}
		extra := "<format><rpm:provides>" + format.String() + "</rpm:provides><rpm:requires>" + format.String() + "</rpm:requires>"
		for k := range 6 {
			extra += fmt.Sprintf("<file>/usr/share/%s/%d/%s</file>", name, k, name)
		}
		primary.WriteString(pkg(name, v[0], v[1], v[2], []string{"x86_64", "noarch"}[i%2], extra+"</format>"))
		if i%10 == 0 {
			advice.WriteString(update(fmt.Sprintf("ACME-%d", i), "security", "Moderate", []string{fmt.Sprintf("CVE-2026-%d", i), fmt.Sprintf("CVE-2025-%d", i)}, fixed(name, v[0], v[1], v[2], []string{"x86_64", "noarch"}[i%2], "")))
		}
	}
	r := newRepo(b)
	r.primary, r.updateinfo = primary.String(), advice.String()
	return r.publish()
}

// peak returns the most memory in use while do runs, in bytes above what was in
// use before.
func peak(do func()) float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, m.HeapInuse
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	})
	do()
	close(stop)
	wg.Wait()
	return float64(most - before)
}

// One cold fetch and sync of 10,000 packages with real names and versions, an
// unchanged one, and the size of the stored snapshot.
func BenchmarkTenThousandPackages(b *testing.B) {
	r, primary := volume(b, 10000), 0.0
	for name, data := range r.files {
		if strings.Contains(name, "primary") {
			z, err := gzip.NewReader(bytes.NewReader(data))
			require.NoError(b, err)
			plain, err := io.Copy(io.Discard, z)
			require.NoError(b, err)
			primary = float64(plain) / 1e6
		}
	}
	var most float64
	var unchanged time.Duration
	var stored int64
	for b.Loop() {
		f := r.feed()
		var s *catalog.Snapshot
		most = max(most, peak(func() {
			batch, err := f.Fetch(b.Context())
			require.NoError(b, err)
			var changes catalog.Changes
			s, changes = catalog.Sync(nil, []catalog.Batch{batch}, today)
			require.Len(b, changes.Added, len(batch.Patches))
		}))
		begun := time.Now()
		batch, err := f.Fetch(b.Context())
		require.NoError(b, err)
		require.True(b, batch.Unchanged)
		catalog.Sync(s, []catalog.Batch{batch}, today)
		unchanged += time.Since(begun)
		var out counter
		require.NoError(b, s.Encode(&out))
		stored = int64(out)
		b.ReportMetric(float64(s.Feeds()[0].Patches), "patches")
		b.ReportMetric(float64(s.Feeds()[0].Rejected), "rejected")
	}
	b.ReportMetric(primary, "primary-MB")
	b.ReportMetric(most/1e6, "peak-MB")
	b.ReportMetric(float64(unchanged.Milliseconds())/float64(b.N), "unchanged-ms")
	b.ReportMetric(float64(stored)/1e6, "stored-MB")
}

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
