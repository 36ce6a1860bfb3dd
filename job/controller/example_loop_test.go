package controller_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// The main loop of a server. It syncs every 30 minutes, ticks when the next run
// is due or a job changed, and prunes once a day. Agents' calls come in beside
// it: manifest/agenthttp serves Enrol and CheckIn over HTTP.
func Example_mainLoop() {
	ctx, stop := context.WithCancel(context.Background())
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // a real one is random and kept
	c, err := controller.New(memstore.New(memstore.Options{}), controller.Config{
		Signer:  manifest.NewSigner(private),
		Zone:    time.LoadLocation,
		OnEvent: func(e controller.Event) { fmt.Println(e.Actor+":", e.Action) },
	})
	if err != nil {
		log.Fatal(err)
	}
	var feeds []catalog.Feed              // such as a jsonfeed
	changed := make(chan struct{}, 1)     // send to it after a job changed
	const keep = 2 * 365 * 24 * time.Hour // of history

	loop := func() error {
		sync, tick, prune := time.NewTimer(0), time.NewTimer(0), time.NewTimer(0)
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-sync.C:
				var batches []catalog.Batch
				for _, feed := range feeds {
					batch, err := feed.Fetch(ctx)
					if err != nil { // the feed's last good patches stay (CAT-1)
						batch = catalog.Batch{Feed: feed.ID(), At: time.Now(), Err: err.Error()}
					}
					batches = append(batches, batch)
				}
				if _, err := c.Sync(ctx, batches, time.Now()); err != nil {
					log.Print(err)
				}
				sync.Reset(30 * time.Minute)
			case <-changed:
				tick.Reset(0)
			case <-tick.C:
				next, err := c.Tick(ctx, time.Now())
				if err != nil {
					log.Print(err)
				}
				if wait := time.Until(next); err != nil || next.IsZero() || wait > time.Minute {
					tick.Reset(time.Minute) // another server may have planned a run
				} else {
					tick.Reset(wait)
				}
			case <-prune.C:
				now := time.Now()
				if _, err := c.Prune(ctx, now.Add(-keep), now); err != nil {
					log.Print(err)
				}
				prune.Reset(24 * time.Hour)
			}
		}
	}
	done := make(chan error)
	go func() { done <- loop() }()

	// An administrator's request comes in meanwhile.
	as := controller.As(ctx, "alice")
	if _, err := c.AddToken(as, "22 random bytes or more", controller.Token{Name: "lab"}, time.Now()); err != nil {
		log.Fatal(err)
	}
	list, err := c.Events(ctx, time.Time{}, 10)
	fmt.Println("events:", len(list), err)

	stop()
	fmt.Println("stopped:", <-done)
	// Output:
	// alice: token added
	// events: 1 <nil>
	// stopped: <nil>
}
