package catalogtest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// TestFeed checks that feeds keep the contract of catalog.Feed. Make returns a new feed that has fetched nothing yet,
// over a source that stays the same during the test, can be reached, has at least one patch and no bad record. Every
// call must return a feed of the same id over the same source.
func TestFeed(t *testing.T, make func(t *testing.T) catalog.Feed) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, make func(t *testing.T) catalog.Feed)
	}{
		{"the id is stable", testID},
		{"the first batch is whole", testFirst},
		{"the second batch is equal or unchanged", testSecond},
		{"a new feed brings the same", testAnew},
		{"the catalog takes all of it, CAT-16", testSync},
		{"the batch belongs to the caller", testOwnership},
		{"a cancelled fetch fails and is forgotten, CAT-1", testCancel},
		{"fetches at the same time", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, make) })
	}
}

func fetch(t *testing.T, f catalog.Feed) catalog.Batch {
	t.Helper()
	b, err := f.Fetch(t.Context())
	if err != nil {
		t.Fatalf("Fetch: %v", err)
	}
	return b
}

func testID(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	id := f.ID()
	if id == "" || len(id) > catalog.MaxID {
		t.Fatalf("the id %q has %d bytes, want 1 to %d", id, len(id), catalog.MaxID)
	}
	fetch(t, f)
	if again := f.ID(); again != id {
		t.Errorf("the id is %s before a fetch and %s after it", id, again)
	}
	if other := make(t).ID(); other != id {
		t.Errorf("the id of a second feed is %s, want %s: is make's source the same?", other, id)
	}
}

func testFirst(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	b := fetch(t, f)
	if b.Feed != f.ID() {
		t.Errorf("the batch is of feed %q, want %q", b.Feed, f.ID())
	}
	if b.Unchanged {
		t.Error("the first batch of a feed says Unchanged")
	}
	if b.Err != "" {
		t.Errorf("Fetch returned no error, and the batch says %q", b.Err)
	}
	if len(b.Patches) == 0 {
		t.Error("there is no patch: the suite would not see anything")
	}
	if _, offset := b.At.Zone(); b.At.IsZero() || offset != 0 {
		t.Errorf("the batch was fetched at %v, want an instant in UTC", b.At)
	}
	for _, p := range b.Patches {
		if !p.Listed.IsZero() {
			t.Errorf("patch %s says when the catalog listed it, which is for Sync to set", p.ID)
		}
	}
	if _, err := json.Marshal(b.Patches); err != nil {
		t.Errorf("the patches cannot be written down: %v", err)
	}
	if len(b.Rejected) > 0 {
		t.Errorf("the feed rejected records of a source that has no bad one: %v", b.Rejected)
	}
}

// text is a batch's content in a comparable form. Order does not count.
func text(b catalog.Batch) string {
	products, patches := slices.Clone(b.Products), slices.Clone(b.Patches)
	slices.SortFunc(products, func(a, b catalog.Product) int { return order(a.ID, b.ID) })
	slices.SortFunc(patches, func(a, b catalog.Patch) int { return order(a.ID, b.ID) })
	data, err := json.Marshal([]any{b.Feed, products, patches})
	if err != nil {
		return "the batch cannot be written down: " + err.Error()
	}
	return string(data)
}

func order[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func testSecond(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	first, second := fetch(t, f), fetch(t, f)
	if second.Unchanged {
		if len(second.Products)+len(second.Patches)+len(second.Rejected) > 0 {
			t.Error("a batch that says Unchanged holds records")
		}
		if second.Feed != first.Feed || second.At.Before(first.At) {
			t.Errorf("the unchanged batch is of feed %s at %v, the first was of %s at %v", second.Feed, second.At, first.Feed, first.At)
		}
		return
	}
	if a, b := text(first), text(second); a != b {
		t.Errorf("two batches of an unchanged source differ:\n%.2000s\n%.2000s", a, b)
	}
}

func testAnew(t *testing.T, make func(t *testing.T) catalog.Feed) {
	if a, b := text(fetch(t, make(t))), text(fetch(t, make(t))); a != b {
		t.Errorf("two feeds over one source differ:\n%.2000s\n%.2000s", a, b)
	}
}

func testSync(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	first := fetch(t, f)
	now := first.At.Add(time.Second)
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{first}, now)
	if len(changes.Rejected) > 0 {
		t.Errorf("the catalog rejected %d records, the first: %v", len(changes.Rejected), &changes.Rejected[0])
	}
	if len(changes.Added) != len(first.Patches) {
		t.Errorf("%d of %d patches were added", len(changes.Added), len(first.Patches))
	}
	next, changes := catalog.Sync(snapshot, []catalog.Batch{fetch(t, f)}, now)
	if !reflect.DeepEqual(changes, catalog.Changes{}) || next.ID() != snapshot.ID() {
		t.Errorf("a sync of the unchanged source changed the catalog: %+v", changes)
	}
}

func testOwnership(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	b := fetch(t, f)
	want := text(b)
	for i := range b.Patches {
		p := &b.Patches[i]
		for k := range p.Artifacts {
			p.Artifacts[k].URL = "scribbled"
		}
		p.ID = "scribbled"
	}
	for i := range b.Products {
		b.Products[i].ID = "scribbled"
	}
	if again := fetch(t, f); !again.Unchanged && text(again) != want {
		t.Error("what the caller wrote into a batch shows in the next one")
	}
}

func testCancel(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch with a cancelled context: %v, want an error that is context.Canceled", err)
	}
	if b := fetch(t, f); b.Unchanged || len(b.Patches) == 0 {
		t.Error("the first good batch after a cancelled fetch is not whole")
	}
}

func testConcurrent(t *testing.T, make func(t *testing.T) catalog.Feed) {
	f := make(t)
	want := text(fetch(t, f))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			b, err := f.Fetch(context.WithoutCancel(t.Context()))
			switch {
			case err != nil:
				t.Errorf("Fetch beside others: %v", err)
			case !b.Unchanged && text(b) != want:
				t.Error("a batch fetched beside others differs")
			}
		})
	}
	wg.Wait()
}
