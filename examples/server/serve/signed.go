package serve

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
)

// signed returns who must have signed the documents, by feed.
func (s Sources) signed() (map[string]jsonfeed.Signed, error) {
	signed := make(map[string]jsonfeed.Signed)
	for _, text := range s.Signers {
		id, file, err := s.ofFeed(text)
		if err != nil {
			return nil, fmt.Errorf("signers %q: %w", text, err)
		}
		policy, err := readPolicy(file)
		if err != nil {
			return nil, fmt.Errorf("signers of feed %s: %w", id, err)
		}
		verifier, err := policyverify.New(policy)
		if err != nil {
			return nil, fmt.Errorf("signers of feed %s: %s: %w", id, file, err)
		}
		of := jsonfeed.Signed{Verifier: verifier}
		for _, signer := range policy.Signers {
			of.By = append(of.By, signer.Name)
		}
		if _, twice := signed[id]; twice || len(of.By) == 0 {
			return nil, fmt.Errorf("signers of feed %s: want one file, with at least one signer", id)
		}
		signed[id] = of
	}
	for _, text := range s.Signatures {
		id, location, err := s.ofFeed(text)
		if err != nil {
			return nil, fmt.Errorf("signature %q: %w", text, err)
		}
		of, has := signed[id]
		if !has || of.Location != "" || location == "" {
			return nil, fmt.Errorf("signature %q: want one location, of a feed with signers", text)
		}
		of.Location = location
		signed[id] = of
	}
	return signed, nil
}

// ofFeed splits FEED=VALUE. Both may have further equals signs.
func (s Sources) ofFeed(text string) (feed, value string, err error) {
	for _, location := range s.JSON {
		id := feedID(location)
		if v, has := strings.CutPrefix(text, id+"="); has && len(id) > len(feed) {
			feed, value = id, v
		}
	}
	if feed == "" {
		err = fmt.Errorf("it does not begin with the name of a JSON feed and an equals sign")
	}
	return feed, value, err
}
