package random

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Options choose a world. The zero value is a small one.
type Options struct {
	Seed     uint64
	Assets   int       // at most agentsim.MaxAssets; zero: DefaultAssets
	Weeks    int       // of trouble, at most MaxWeeks; zero: DefaultWeeks
	Troubles []Trouble // nil: chosen by the seed; empty: none
}

func (o Options) withDefaults() Options {
	o.Assets, o.Weeks = cmp.Or(o.Assets, DefaultAssets), cmp.Or(o.Weeks, DefaultWeeks)
	if o.Troubles == nil {
		d := stream(o.Seed, "troubles")
		o.Troubles = slices.DeleteFunc(Troubles(), func(Trouble) bool { return d.chance(30) })
	}
	return o
}

// Validate reports everything that is wrong with the options. The error is a
// *job.Invalid.
func (o Options) Validate() error {
	var bad problem.List
	if o.Assets < 0 || o.Assets > agentsim.MaxAssets {
		bad.Add("assets", fmt.Sprint(o.Assets), "is not between 0 and %d", agentsim.MaxAssets)
	}
	if o.Weeks < 0 || o.Weeks > MaxWeeks {
		bad.Add("weeks", fmt.Sprint(o.Weeks), "is not between 0 and %d", MaxWeeks)
	}
	for _, t := range o.Troubles {
		if !troubles.Valid(t) {
			bad.Add("troubles", t.String(), "is not a kind of trouble")
		}
	}
	return bad.Err("random world")
}

type generator struct {
	Options
	script
	start    time.Time
	end      time.Duration // of trouble
	products []product
	jobs     []string // their ids
	recurs   []string // ids of those that may not end by themselves
}

// generate makes the scenario of a world. The same options give the same text.
// The error is that of [Options.Validate].
func generate(o Options) (string, error) {
	if err := o.Validate(); err != nil {
		return "", err
	}
	o = o.withDefaults()
	g := &generator{Options: o, end: time.Duration(o.Weeks) * week}
	d := stream(o.Seed, "world")
	g.start = pick(d, starts...)
	clock := fmt.Sprintf("clock %s, check-in every %dm, sync every %s", g.start.Format(time.RFC3339), pick(d, 10, 15, 20, 20), pick(d, "1h", "3h", "6h"))
	clock += d.some(30, ", lead ", "1m", "30m", "12h", "2d")
	if g.has(Store) {
		clock += fmt.Sprintf(", store seed %d", o.Seed|1)
	}
	g.add(0, "%s", clock)
	g.publish(stream(o.Seed, "vendors"))
	if g.has(Policies) {
		g.policies(stream(o.Seed, "policies"))
	}
	for i := range o.Assets {
		g.asset(fmt.Sprintf("a%03d", i))
	}
	for i := range d.between(4, 10) {
		g.job(fmt.Sprintf("j%d", i))
	}
	if g.has(Server) {
		g.outages(stream(o.Seed, "server"))
	}
	g.rest()
	g.sort()
	return g.script.String(), nil
}

func (g *generator) has(t Trouble) bool { return slices.Contains(g.Troubles, t) }

// try adds a line that may be impossible then.
func (g *generator) try(at time.Duration, format string, args ...any) {
	g.add(at, "try "+format, args...)
}

// starts are days before clock changes, ends of months and years, and a leap day.
var starts = []time.Time{
	time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 23, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 19, 22, 0, 0, 0, time.UTC),
	time.Date(2026, 2, 23, 6, 0, 0, 0, time.UTC), time.Date(2026, 12, 28, 23, 30, 0, 0, time.UTC), time.Date(2028, 2, 21, 0, 0, 0, 0, time.UTC),
	time.Date(2026, 4, 27, 18, 0, 0, 0, time.UTC), time.Date(2027, 1, 25, 0, 0, 0, 0, time.UTC),
}

var zones = []string{
	"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "America/Sao_Paulo", "UTC", "Australia/Lord_Howe",
	"Pacific/Kiritimati", "Etc/GMT+12", "Africa/Casablanca",
}

// outages are crashes, restores and downtimes of the server.
func (g *generator) outages(d dice) {
	for range d.between(0, 3*g.Weeks) {
		at := d.when(0, g.end-day)
		if d.chance(30) {
			g.add(at, "server goes down")
			g.add(min(at+d.span(time.Minute, 4*day), g.end), "server comes up")
		} else {
			g.add(at, "server crashes")
		}
	}
	for range d.between(0, 2*g.Weeks) {
		at := d.when(day, g.end-day)
		g.try(at, "server is put back to +%s", agentsim.FormatDuration(max(at-d.span(time.Minute, 3*day), time.Minute)))
	}
	for range d.between(0, 40*g.Weeks) {
		g.add(d.when(0, g.end), "server crashes %s commit %d", pick(d, "before", "after"), d.between(1, 20))
	}
}

// rest ends all trouble, stops recurring jobs, and leaves time for the rest.
func (g *generator) rest() {
	g.add(g.end, "server comes up")
	g.add(g.end, "vendor feed recovers")
	for _, id := range g.recurs {
		g.try(g.end+time.Hour, "disable %s", id)
	}
	g.add(g.end+4*day, "expect settled")
}

func words(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

type dice struct{ *rand.Rand }

// stream returns the random numbers of the asset, the job or the thing that the
// words name. Each has its own, so one more changes no other.
func stream(seed uint64, words ...string) dice {
	var s [8]byte
	binary.BigEndian.PutUint64(s[:], seed)
	sum := sha256.Sum256([]byte(string(s[:]) + strings.Join(words, "\x00")))
	return dice{rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))}
}

// chance is true this many times in a hundred.
func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// some returns, this many times in a hundred, a text with one of its ends.
func (d dice) some(percent int, text string, ends ...string) string {
	switch {
	case !d.chance(percent):
		return ""
	case len(ends) == 0:
		return text
	}
	return text + pick(d, ends...)
}

// between returns a number from a range, both ends included.
func (d dice) between(from, to int) int { return from + d.IntN(to-from+1) }

// span returns a duration in whole seconds. Short ones are as likely as long ones.
func (d dice) span(from, to time.Duration) time.Duration {
	for top := from; top < to; top *= 4 {
		if d.IntN(3) == 0 {
			to = min(to, top*4)
			break
		}
		from = min(top*4, to)
	}
	return (from + time.Duration(d.Int64N(int64(to-from)+1))).Truncate(time.Second)
}

// when returns an instant from a range, in whole seconds.
func (d dice) when(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return (from + time.Duration(d.Int64N(int64(to-from)))).Truncate(time.Second)
}

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

// Trouble is a kind of thing that goes wrong.
type Trouble uint8

// The kinds.
const (
	Network    Trouble = 1 + iota // cuts; lost, repeated and late messages; manifests that nobody may accept
	Power                         // crashes of agents around every kind of step, power losses, sleep, assets that are off
	Clocks                        // clocks are set; assets move to other time zones
	Installers                    // installers, downloads, actions and inventories fail, lie or are slow; others install things
	Server                        // the server is down, crashes, also around commits, and is restored from a backup
	Vendors                       // end of life, withdrawals; files that are missing, changed or newer; feeds that fail
	Edits                         // administrators disable, cancel, change, delete, retry, tag, and remove assets
	Store                         // the store repeats transactions, as real ones may
	Policies                      // deadlines are in force; jobs have calendars, baselines and rollouts
)

var troubles = enum.Of[Trouble]("trouble", "network", "power", "clocks", "installers", "server", "vendors", "edits", "store", "policies")

// Troubles lists the kinds.
func Troubles() []Trouble { return troubles.All() }

// ParseTrouble returns the kind with the given name. The error lists the names.
func ParseTrouble(name string) (Trouble, error) { return troubles.Parse(name) }

// String returns the kind's name.
func (t Trouble) String() string { return troubles.String(t) }
