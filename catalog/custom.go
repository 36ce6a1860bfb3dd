package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// CustomURL is where the customer supplies the file of a Vendor artifact (CAT-5).
type CustomURL struct {
	Patch    PatchID `json:"patch"`
	Artifact string  `json:"artifact"` // its Name
	URL      string  `json:"url"`      // http, https or file, at most MaxURL bytes
}

// place is what tells custom URLs apart.
func (u CustomURL) place() CustomURL { return CustomURL{Patch: u.Patch, Artifact: u.Artifact} }

func compareCustom(a, b CustomURL) int {
	return cmp.Or(cmp.Compare(a.Patch, b.Patch), cmp.Compare(a.Artifact, b.Artifact))
}

// CustomURLs lists the custom URLs that are set, by patch and artifact, those without effect included: the patch may have
// left the catalog, or its artifact be no Vendor artifact any more. The list is the caller's.
func (s *Snapshot) CustomURLs() []CustomURL {
	return slices.Clone(s.orEmpty().custom)
}

// WithCustomURLs returns the next snapshot, in which the customer's URLs for Vendor artifacts are set, and taken back
// where URL is empty (CAT-5). From then on they are part of the snapshot: every sync carries them over, Encode keeps them,
// and they stand until they are taken back, before what a feed says and also while the patch is gone from the catalog.
// What changes nothing returns s itself.
//
// It is all or none. A patch or artifact that the snapshot does not have, an artifact that is not Vendor, a bad URL, one
// artifact given twice, and more than MaxCustomURLs in all are refused with an *Invalid that names each. One that is set
// can be taken back even when its patch is gone.
func (s *Snapshot) WithCustomURLs(urls []CustomURL) (*Snapshot, error) {
	s = s.orEmpty()
	custom := make(map[CustomURL]CustomURL, len(s.custom)+len(urls)) // by place: the same without its URL
	for _, u := range s.custom {
		custom[u.place()] = u
	}
	given := make(map[CustomURL]bool, len(urls))
	var bad problem.List
	for _, u := range urls {
		_, set := custom[u.place()]
		problem := s.customProblem(u, set)
		switch {
		case given[u.place()]:
			problem = "it is given twice"
		case problem == "" && u.URL != "" && !set && len(custom) >= MaxCustomURLs:
			problem = fmt.Sprintf("over the limit of %d custom URLs; take back those without effect", MaxCustomURLs)
		}
		given[u.place()] = true
		switch {
		case problem != "":
			bad.Add(fmt.Sprintf("artifact %.80q of patch %.80q", u.Artifact, u.Patch), "", "%s", problem)
		case u.URL == "":
			delete(custom, u.place())
		default:
			custom[u.place()] = u
		}
	}
	if err := bad.Err("list of custom URLs"); err != nil {
		return nil, err
	}
	sorted := slices.SortedFunc(maps.Values(custom), compareCustom)
	if slices.Equal(sorted, s.custom) {
		return s, nil
	}
	next := *s
	next.custom = sorted
	next.id++
	return &next, nil
}

// customProblem says what is wrong with a custom URL taken by itself; nothing is with taking back one that is set.
func (s *Snapshot) customProblem(u CustomURL, set bool) string {
	if u.URL == "" && set {
		return ""
	}
	i, found := s.patchIndex(u.Patch)
	if !found {
		return "there is no such patch"
	}
	artifacts := s.patches[i].Artifacts
	k := slices.IndexFunc(artifacts, func(a Artifact) bool { return a.Name == u.Artifact })
	if k < 0 {
		return "the patch has no such artifact"
	}
	if have := artifacts[k].Availability; have != Vendor {
		return fmt.Sprintf("a custom URL is for Vendor artifacts, this is %s", have)
	}
	if problem := urlProblem(u.URL); u.URL != "" && problem != "" {
		return fmt.Sprintf("URL %.200q %s", u.URL, problem)
	}
	return ""
}

// checkCustom returns everything that is wrong with a stored custom URL.
func checkCustom(u CustomURL) []string {
	var c checker
	c.text("the patch", string(u.Patch), MaxID, true)
	c.text("the artifact's name", u.Artifact, MaxFileName, true)
	if problem := urlProblem(u.URL); problem != "" {
		c.addf("URL %.200q %s", u.URL, problem)
	}
	return c.problems
}

// patchAt is the patch at index i with the customer's URLs in it. The feed's record itself stays as the feed gave it,
// so that taking a custom URL back shows what the feed says.
func (s *Snapshot) patchAt(i int) *Patch {
	p := &s.patches[i]
	k, _ := slices.BinarySearchFunc(s.custom, CustomURL{Patch: p.ID}, compareCustom)
	if k == len(s.custom) || s.custom[k].Patch != p.ID {
		return p
	}
	own := *p
	own.Artifacts = slices.Clone(p.Artifacts)
	for ; k < len(s.custom) && s.custom[k].Patch == p.ID; k++ {
		for j := range own.Artifacts {
			if a := &own.Artifacts[j]; a.Name == s.custom[k].Artifact && a.Availability == Vendor {
				a.CustomURL = s.custom[k].URL
			}
		}
	}
	return &own
}
