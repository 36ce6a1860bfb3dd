package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// CustomURL is the URL at which the customer supplies the file of a Vendor
// artifact (CAT-5).
type CustomURL struct {
	Patch    PatchID `json:"patch"`
	Artifact string  `json:"artifact"` // its Name
	URL      string  `json:"url"`      // http, https or file, at most MaxURL bytes
}

func (u CustomURL) place() CustomURL { return CustomURL{Patch: u.Patch, Artifact: u.Artifact} }

func compareCustom(a, b CustomURL) int {
	return cmp.Or(cmp.Compare(a.Patch, b.Patch), cmp.Compare(a.Artifact, b.Artifact))
}

// CustomURLs lists the custom URLs that are set, by patch and artifact. It
// includes those without effect: the patch may have left the catalog, or its
// artifact may no longer be a Vendor artifact. The caller owns the list.
func (s *Snapshot) CustomURLs() []CustomURL {
	return slices.Clone(s.orEmpty().custom)
}

// WithCustomURLs returns the next snapshot, with the customer's URLs for Vendor
// artifacts set. An empty URL removes one (CAT-5). Custom URLs are part of the
// snapshot: every sync carries them over, and Encode keeps them. They stay set
// until they are removed, outrank what a feed says, and survive while the patch
// is not in the catalog. If nothing changes, it returns s itself.
//
// It is all or nothing. It refuses an unknown patch or artifact, an artifact
// that is not Vendor, a bad URL, one artifact given twice, and more than
// MaxCustomURLs in all, with an *Invalid that names each. A URL that is set can
// be removed even if its patch is gone.
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
			problem = "it is given twice: give each artifact once"
		case problem == "" && u.URL != "" && !set && len(custom) >= MaxCustomURLs:
			problem = fmt.Sprintf("over the limit of %d custom URLs: remove those without effect", MaxCustomURLs)
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
	next.custom, next.body = sorted, &bodyNames{}
	next.id++
	return &next, nil
}

// customProblem returns what is wrong with one custom URL. Removing one that is
// set is always right.
func (s *Snapshot) customProblem(u CustomURL, set bool) string {
	if u.URL == "" && set {
		return ""
	}
	i, found := s.patchIndex(u.Patch)
	if !found {
		return "the catalog has no such patch"
	}
	artifacts := s.patches[i].Artifacts
	k := slices.IndexFunc(artifacts, func(a Artifact) bool { return a.Name == u.Artifact })
	if k < 0 {
		return "the patch has no such artifact"
	}
	if have := artifacts[k].Availability; have != Vendor {
		return fmt.Sprintf("only a Vendor artifact takes a custom URL, and this one is %s", have)
	}
	if problem := urlProblem(u.URL); u.URL != "" && problem != "" {
		return fmt.Sprintf("URL %.200q %s", u.URL, problem)
	}
	return ""
}

// patchAt returns the patch at index i with the customer's URLs in it. The
// stored record keeps what the feed says, so that it shows again when a custom
// URL is removed.
func (s *Snapshot) patchAt(i int) *Patch {
	p := &s.patches[i].Patch
	if len(s.custom) == 0 || !slices.ContainsFunc(p.Artifacts, func(a Artifact) bool { return a.Availability == Vendor }) {
		return p
	}
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
