package job

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Definition is the administrator's intent: which patches, on which assets,
// when and how.
type Definition struct {
	ID           ID                  `json:"id"`
	Name         string              `json:"name"`
	Revision     uint64              `json:"revision"` // grows with every change
	State        State               `json:"state"`
	Platform     catalog.Platform    `json:"platform"` // one per job (JOB-7)
	Assets       Assets              `json:"assets"`
	Patches      Patches             `json:"patches"`
	Pre          []Action            `json:"pre,omitempty"`  // before the patches (JOB-13)
	Post         []Action            `json:"post,omitempty"` // after them
	Schedule     schedule.Schedule   `json:"schedule"`
	After        *After              `json:"after,omitempty"`        // runs after another job, see After (JOB-19)
	Window       time.Duration       `json:"window,omitempty"`       // 1 min to 168 h; zero: none (JOB-10)
	InstallLimit time.Duration       `json:"installLimit,omitempty"` // of one installer's run, 10 min to 168 h; zero: none (JOB-25)
	StuckAfter   time.Duration       `json:"stuckAfter,omitempty"`   // a stage that lasts longer is listed as stuck, 1 min to 168 h; zero: 2 h (JOB-25)
	Reboot       reboot.Policy       `json:"reboot"`
	AllowLegacy  bool                `json:"allowLegacy,omitempty"` // SHA-1 and MD5 may carry trust (INT-7)
	StrictLines  bool                `json:"strictLines,omitempty"` // an installed line past its end of life also blocks (CAT-11)
	KnownLines   bool                `json:"knownLines,omitempty"`  // a version on no line of a product that has lines is blocked (CAT-11)
	NoLastCall   bool                `json:"noLastCall,omitempty"`  // agents do not check in before the start and the deploy (MAN-7)
	Early        bool                `json:"early,omitempty"`       // files may be downloaded before the start (JOB-23)
	GiveUp       int                 `json:"giveUp,omitempty"`      // after so many failed runs a patch is left out on an asset; zero: never (JOB-27)
	Baseline     string              `json:"baseline,omitempty"`    // the name of the one that approves its patches; empty: none (APR-1)
	TriageHold   time.Duration       `json:"triageHold,omitempty"`  // patches whose deadline wants evidence wait for it until so long before the deadline, 1 h to 168 h; zero: they do not wait (DUE-1)
	Calendar     string              `json:"calendar,omitempty"`    // the name of the one in which it starts, installs and reboots; empty: always (CAL-1)
	RebootHours  string              `json:"rebootHours,omitempty"` // the name of the calendar in which it reboots, besides; empty: no other (RBT-10)
	RebootSlots  *rollout.SlotPolicy `json:"rebootSlots,omitempty"` // how many assets of a group may be down for its reboots at once (ROL-7); nil: any number
	Rollout      *rollout.Policy     `json:"rollout,omitempty"`     // in which order its assets get their orders, and what stops it (ROL-1); nil: all at once
	LateJoiners  bool                `json:"lateJoiners,omitempty"` // assets that enrol or get the tag later also take part (JOB-26)

	// RebootPending says that the job reboots for a reboot that was pending
	// already, even if it installs nothing (RBT-11).
	RebootPending bool `json:"rebootPending,omitempty"`
}

// State says whether a job's runs start (JOB-6).
type State uint8

// The states. A new job is Disabled; Deleted is final.
const (
	Disabled State = 1 + iota // no run of it starts
	Enabled                   // runs start as its schedule says
	Deleted                   // kept for its history
)

var states = enum.Of[State]("job state", "disabled", "enabled", "deleted")

func (s State) String() string                   { return states.String(s) }
func (s State) MarshalText() ([]byte, error)     { return states.MarshalText(s) }
func (s *State) UnmarshalText(text []byte) error { return states.UnmarshalText(text, s) }

// States lists every state in order.
func States() []State { return states.All() }

// Validate says everything that is wrong with the definition; nil means that it
// can be saved (JOB-20). A definition that can be saved may still be
// incomplete: see [Definition.Enable]. The error is an *Invalid.
func (d Definition) Validate() error {
	var l problem.List
	checkID(&l, "id", string(d.ID))
	checkText(&l, "name", d.Name)
	if !states.Valid(d.State) {
		l.Add("state", d.State.String(), "is not a state of a job; use disabled, enabled or deleted (JOB-6)")
	}
	if _, err := d.Platform.MarshalText(); err != nil || d.Platform == 0 {
		l.Add("platform", d.Platform.String(), "is not a platform; choose linux, windows or macos (JOB-7)")
	}
	checkIDs(&l, "assets.include", d.Assets.Include, MaxSelection)
	checkIDs(&l, "assets.exclude", d.Assets.Exclude, MaxSelection)
	checkIDs(&l, "assets.includeTags", d.Assets.IncludeTags, MaxSelection)
	checkIDs(&l, "assets.excludeTags", d.Assets.ExcludeTags, MaxSelection)
	if d.Assets.Match != 0 && !matches.Valid(d.Assets.Match) {
		l.Add("assets.match", d.Assets.Match.String(), "is neither any nor all (JOB-7)")
	}
	checkText(&l, "baseline", d.Baseline)
	checkText(&l, "calendar", d.Calendar)
	checkText(&l, "rebootHours", d.RebootHours)
	if len(d.Patches.List) > 0 && d.Patches.Query != nil {
		l.Add("patches", "", "have both a list and a query; keep one of them (JOB-8)")
	}
	checkNames(&l, "patches.list", d.Patches.List, func(id string) string { return id })
	if d.Patches.Query != nil {
		checkQuery(&l, *d.Patches.Query)
	}
	checkActions(&l, "pre", d.Pre)
	checkActions(&l, "post", d.Post)
	l.Under("schedule", d.Schedule.Validate())
	// An asset that starts after the window's end would never run. A spread that
	// is itself invalid is refused with the schedule.
	if s := d.Schedule.Spread; d.Window > 0 && s >= d.Window && s <= schedule.MaxSpread && s%time.Second == 0 {
		l.Add("schedule.spread", s.String(), "is not shorter than the window, %v (JOB-9)", d.Window)
	}
	checkAfter(&l, d)
	checkRollout(&l, d)
	if d.GiveUp < 0 || d.GiveUp > MaxGiveUp {
		l.Add("giveUp", fmt.Sprint(d.GiveUp), "is not between 0 (never) and %d (JOB-27)", MaxGiveUp)
	}
	if d.LateJoiners && d.After != nil && d.After.PerAsset {
		l.Add("lateJoiners", "true", "has no effect with perAsset; set it in job %s (JOB-26)", d.After.Job)
	}
	checkDuration(&l, "window", d.Window, MinWindow, MaxWindow, "none", "JOB-10")
	checkDuration(&l, "installLimit", d.InstallLimit, MinInstallLimit, MaxInstallLimit, "none", "JOB-25")
	checkDuration(&l, "stuckAfter", d.StuckAfter, MinStuckAfter, MaxStuckAfter, DefaultStuckAfter.String(), "JOB-25")
	checkDuration(&l, "triageHold", d.TriageHold, MinTriageHold, MaxTriageHold, "no hold", "DUE-1")
	l.Under("reboot", d.Reboot.Validate())
	if d.Reboot.Hours != nil || !d.Reboot.Deadline.IsZero() || d.Reboot.Slot {
		l.Add("reboot.hours", "", "is set with deadline and slot when an order is made; name a calendar in rebootHours instead, or set rebootSlots (RBT-10, ROL-7)")
	}
	checkSlots(&l, d)
	checkRebootPending(&l, d.RebootPending, d.Reboot)
	return l.Err("job " + string(d.ID))
}

// Enable says everything that keeps the definition from being enabled at now:
// what [Definition.Validate] says, what is missing, and a start that is past
// (JOB-6). The error is an *Invalid.
func (d Definition) Enable(now time.Time) error {
	var l problem.List
	l.Under("", d.Validate())
	if d.State == Deleted {
		l.Add("state", d.State.String(), "is final; save the job with another id (JOB-6)")
	}
	if len(d.Patches.List) == 0 && d.Patches.Query == nil && len(d.Pre) == 0 && len(d.Post) == 0 && !d.RebootPending {
		l.Add("patches", "", "no patch, query or action is given; add at least one, or set rebootPending (JOB-6)")
	}
	if len(d.Assets.Include) == 0 && len(d.Assets.IncludeTags) == 0 {
		l.Add("assets", "", "no asset and no tag is included; add at least one (JOB-6)")
	}
	l.Under("schedule", d.Schedule.Past(now))
	return l.Err("job " + string(d.ID))
}

// Run returns the id of the run of an occurrence. A run at a local time is
// named by that time, without a Z, so it has one name in all zones. Any other
// run is named by its start in UTC.
func (d Definition) Run(o schedule.Occurrence) RunID {
	if o.Local == 0 {
		return MakeRunID(d.ID, o.Start)
	}
	return RunID(string(d.ID) + "@" + o.Local.In(time.UTC).Format(localStamp))
}

// Span returns when an order of the occurrence starts on the asset and when its
// window ends. A zero end means that there is no window. The window is counted
// from the start of the run, so it ends at the same time for all assets of a
// zone. The spread is shorter, so the window is still open when the last of
// them begins (JOB-9, JOB-10).
func (d Definition) Span(o schedule.Occurrence, asset AssetID) (start, end time.Time) {
	if d.Window > 0 {
		end = o.Start.Add(d.Window)
	}
	return o.Start.Add(d.Schedule.Delay(string(MakeOrderID(d.Run(o), asset)))), end
}

// checkDuration checks a duration that may be zero, and then is what zero says.
func checkDuration(l *problem.List, field string, d, least, most time.Duration, zero, rule string) {
	if d != 0 && (d < least || d > most) {
		l.Add(field, d.String(), "is neither zero (%s) nor between %v and %v (%s)", zero, least, most, rule)
	}
}

// checkRebootPending refuses a job that reboots for a pending reboot and also
// suppresses its reboot (RBT-7, RBT-11).
func checkRebootPending(l *problem.List, pending bool, policy reboot.Policy) {
	if pending && policy.Suppress {
		l.Add("rebootPending", "true", "contradicts reboot.suppress, which never reboots the asset; keep one of them (RBT-7, RBT-11)")
	}
}

// checkRollout checks the rollout, and what does not go together with one.
func checkRollout(l *problem.List, d Definition) {
	if d.Rollout == nil {
		return
	}
	l.Under("rollout", d.Rollout.Validate())
	if d.After != nil {
		l.Add("rollout", "", "does not go together with after: orders that follow others have no rings; give the rollout to job %s (ROL-1)", d.After.Job)
	}
	if d.Schedule.Zone == schedule.AssetZone {
		l.Add("rollout", "", "does not go together with a schedule in each asset's own zone: a ring starts at one instant; name a zone (ROL-1)")
	}
}

// checkSlots checks the reboot slots. A lease that ends before the countdown
// does would be of no use.
func checkSlots(l *problem.List, d Definition) {
	if d.RebootSlots == nil {
		return
	}
	l.Under("rebootSlots", d.RebootSlots.Validate())
	if lease, least := d.RebootSlots.WithDefaults().Lease, d.Reboot.ShortestLease(); lease < least {
		l.Add("rebootSlots.lease", lease.String(), "is too short for the countdown; use at least %v (ROL-7)", least)
	}
}

// checkIDs checks a list of asset ids, tags or capabilities.
func checkIDs[T ~string](l *problem.List, field string, list []T, most int) {
	if len(list) > most {
		l.Add(field, fmt.Sprint(len(list)), "are too many; use at most %d", most)
		return
	}
	for i, id := range list {
		checkID(l, fmt.Sprintf("%s[%d]", field, i), string(id))
	}
}
