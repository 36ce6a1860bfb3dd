package job

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Identities. Each is a non-empty text of at most MaxID bytes from [A-Za-z0-9._:@+~-].
type (
	ID      string // of a job
	RunID   string // of one occurrence of a job: the job's ID, "@" and the start as 20060102T150405Z, or a local one without the Z
	OrderID string // of a run on one asset: the RunID, "/" and the asset
	AssetID string
)

// State is where a definition stands (JOB-6).
type State uint8

// The states. A job is saved Disabled; Deleted is final.
const (
	Disabled State = 1 + iota
	Enabled
	Deleted
)

var states = enum.Of[State]("job state", "disabled", "enabled", "deleted")

// Match says how included tags combine (JOB-7).
type Match uint8

// Any is the default.
const (
	Any Match = 1 + iota
	All
)

var matches = enum.Of[Match]("tag match", "any", "all")

// Assets selects assets: ((in included tags − in excluded tags) ∪ included) − excluded (JOB-7).
type Assets struct {
	Include     []AssetID `json:"include,omitempty"`
	Exclude     []AssetID `json:"exclude,omitempty"`
	IncludeTags []string  `json:"includeTags,omitempty"`
	ExcludeTags []string  `json:"excludeTags,omitempty"`
	Match       Match     `json:"match,omitempty"` // zero: Any
}

// Patches selects patches: a list or a query, never both (JOB-8).
type Patches struct {
	List  []catalog.PatchID `json:"list,omitempty"`
	Query *Query            `json:"query,omitempty"`
}

// Query takes missing, non-superseded patches that meet every set field, newest published first, MaxPatches at most (JOB-8).
// The zero Query takes everything missing.
type Query struct {
	Products    []string         `json:"products,omitempty"`    // product names or ids
	Vendors     []string         `json:"vendors,omitempty"`     //
	Channels    []string         `json:"channels,omitempty"`    //
	MinSeverity catalog.Severity `json:"minSeverity,omitempty"` // zero: any
	CVEs        []string         `json:"cves,omitempty"`        // any of them
}

// Action is a command run before or after the patches (JOB-13).
type Action struct {
	Name    string        `json:"name"`
	Command []string      `json:"command"`           // program and arguments: no shell
	Timeout time.Duration `json:"timeout,omitempty"` // zero: 10 min
}

// Definition is the administrator's intent.
type Definition struct {
	ID          ID               `json:"id"`
	Name        string           `json:"name"`
	Revision    uint64           `json:"revision"` // grows with every change
	State       State            `json:"state"`
	Platform    catalog.Platform `json:"platform"`
	Assets      Assets           `json:"assets"`
	Patches     Patches          `json:"patches"`
	Pre         []Action         `json:"pre,omitempty"`
	Post        []Action         `json:"post,omitempty"`
	Schedule    Schedule         `json:"schedule"`
	After       *After           `json:"after,omitempty"`  // runs behind another job instead (JOB-19)
	Window      time.Duration    `json:"window,omitempty"` // 1 min to 168 h; zero: none (JOB-10)
	Reboot      reboot.Policy    `json:"reboot"`
	Strict      bool             `json:"strict,omitempty"`      // INT-5
	AllowLegacy bool             `json:"allowLegacy,omitempty"` // INT-7
	StrictLines bool             `json:"strictLines,omitempty"` // CAT-11
	NoLastCall  bool             `json:"noLastCall,omitempty"`  // MAN-7
	Early       bool             `json:"early,omitempty"`       // files may be fetched before the start (JOB-23)
}

// Order is a run as frozen for one asset.
type Order struct {
	ID         OrderID       `json:"id"`
	Job        ID            `json:"job"`
	Name       string        `json:"name"` // the job's
	Run        RunID         `json:"run"`
	Revision   uint64        `json:"revision"`     // the definition's
	Start      time.Time     `json:"start"`        // UTC
	End        time.Time     `json:"end,omitzero"` // of the window, UTC; zero: none (JOB-10)
	Patches    []OrderPatch  `json:"patches,omitempty"`
	Pre        []Action      `json:"pre,omitempty"`
	Post       []Action      `json:"post,omitempty"`
	Reboot     reboot.Policy `json:"reboot"`
	NoLastCall bool          `json:"noLastCall,omitempty"`
	Early      bool          `json:"early,omitempty"`     // JOB-23
	Cancelled  bool          `json:"cancelled,omitempty"` // the mark of MAN-4
}

// OrderPatch is one patch of an order with all an agent needs to fetch, judge and deploy it.
type OrderPatch struct {
	Patch       catalog.PatchID   `json:"patch"`
	Product     catalog.ProductID `json:"product"`
	Name        string            `json:"name"` // the product's
	Version     version.Version   `json:"version"`
	LatestOnly  bool              `json:"latestOnly,omitempty"` // a newer version than ordered is a success (CAT-7)
	Reboot      bool              `json:"reboot,omitempty"`
	Transaction string            `json:"transaction,omitempty"`
	Files       []File            `json:"files"`
}

// File is one artifact of an order.
type File struct {
	Name         string                `json:"name"`
	URL          string                `json:"url"`
	SignatureURL string                `json:"signatureUrl,omitempty"`
	Size         int64                 `json:"size,omitempty"` // bytes; zero: not told
	Expect       integrity.Expectation `json:"expect"`
}

// Stage is one of the three stages of an execution (JOB-1), or its end.
type Stage uint8

// The stages. StageDeploy begins with the commit that precedes the first pre-action or install (JOB-4).
const (
	StageDownload Stage = 1 + iota
	StageDeploy
	StageReboot
	StageDone
)

var stages = enum.Of[Stage]("stage", "download", "deploy", "reboot", "done")

// Progress is a step an asset reports on the way (JOB-16).
type Progress uint8

// The progress steps.
const (
	Received Progress = 1 + iota
	Blocked
	Started
	Downloading
	Downloaded
	Deploying
	Rebooting
	Resumed
)

var progresses = enum.Of[Progress]("progress", "Received", "Blocked", "Started", "Downloading", "Downloaded", "Deploying", "Rebooting", "Resumed")

// Result is how an order ended, or, for the two Pending ones, what it waits for (JOB-16).
type Result uint8

// The results.
const (
	Completed Result = 1 + iota
	CompletedWithFailures
	Failed
	Cancelled
	Withdrawn
	TimedOut
	NotApplicable
	PendingReboot
	PendingVerification
)

var results = enum.Of[Result]("result", "Completed", "CompletedWithFailures", "Failed", "Cancelled", "Withdrawn", "TimedOut",
	"NotApplicable", "PendingReboot", "PendingVerification")

// Code is the failure code of a patch, numbered as the vendor publishes them (JOB-16).
type Code uint8

// The failure codes.
const (
	LanguageDownloadNotAvailable Code = 3
	FileDownloadFailed           Code = 4
	UnspecifiedAgentError        Code = 5
	FileValidationFailed         Code = 7
	CodeCancelled                Code = 8
	InstallerFailed              Code = 9
	DeployerProcessCrashed       Code = 10
	FileSignatureFailed          Code = 11
	FileHashValidationFailed     Code = 12
	PatchURLMissing              Code = 13
	PatchInstallationSkipped     Code = 14
	FailedAfterReboot            Code = 15
)

// PatchStatus is where one patch of an execution stands.
type PatchStatus uint8

// The statuses. A patch ends as Succeeded, PatchFailed or Inapplicable.
const (
	Pending      PatchStatus = 1 + iota // not looked at yet
	Verified                            // downloaded, and INT passed
	Installing                          // handed to the installer; the commit before it counts the attempt (JOB-17)
	Installed                           // the installer says so; the inventory has not confirmed it yet (JOB-18)
	Succeeded                           // confirmed
	PatchFailed                         // with a Code
	Inapplicable                        // CAT-3: not installed, already there, newer there
	LeftOut                             // never ordered: the verdict of the server, in Rule and Text
)

var patchStatuses = enum.Of[PatchStatus]("patch status", "pending", "verified", "installing", "installed", "succeeded", "failed", "inapplicable", "left out")

// PatchOutcome is what became of one patch.
type PatchOutcome struct {
	Patch  catalog.PatchID    `json:"patch"`
	Name   string             `json:"name,omitempty"` // the product's
	Status PatchStatus        `json:"status"`
	From   version.Version    `json:"from,omitzero"` // installed before
	To     version.Version    `json:"to,omitzero"`   // ordered
	Now    version.Version    `json:"now,omitzero"`  // what the last inventory found (CAT-7)
	Code   Code               `json:"code,omitempty"`
	Rule   string             `json:"rule,omitempty"`  // the rule that decided
	Text   string             `json:"text,omitempty"`  // one plain sentence
	Check  *integrity.Verdict `json:"check,omitempty"` // of the file that decided
}

// Sequence numbers an asset's reports from 1 without gaps (MAN-6).
type Sequence uint64

// Report is one thing an asset says about one order. Exactly one of Progress, Result, TooLate and Refused is set.
type Report struct {
	Sequence Sequence       `json:"sequence"`
	At       time.Time      `json:"at"`              // UTC, by the asset's corrected clock (MAN-8)
	Order    OrderID        `json:"order,omitempty"` // empty for Refused
	Progress Progress       `json:"progress,omitempty"`
	Result   Result         `json:"result,omitempty"`
	TooLate  Stage          `json:"tooLate,omitempty"` // the cancel came when this stage had begun (JOB-3)
	Refused  string         `json:"refused,omitempty"` // why a manifest was refused (MAN-5)
	Text     string         `json:"text,omitempty"`
	Patches  []PatchOutcome `json:"patches,omitempty"` // with a Result
	Reboots  int            `json:"reboots,omitempty"` // asked for by this execution
}
