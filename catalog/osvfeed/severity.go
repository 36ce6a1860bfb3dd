package osvfeed

import (
	"math"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// ratings are the words of distributors. Debian's "unimportant" and Ubuntu's
// "negligible" mean that there is hardly any harm.
var ratings = map[string]catalog.Severity{
	"unimportant": catalog.Low, "negligible": catalog.Low, "low": catalog.Low, "medium": catalog.Medium, "moderate": catalog.Medium,
	"high": catalog.High, "important": catalog.High, "critical": catalog.Critical,
}

// rating returns the highest rating by a word, otherwise by a vector.
func (r record) rating(mine []affected) catalog.Severity {
	said := []string{r.Database.Severity}
	scores := slices.Clone(r.Severity)
	for _, at := range mine {
		said = append(said, at.Ecosystem.Urgency, at.Ecosystem.Severity, at.Database.Severity)
		scores = append(scores, at.Severity...)
	}
	var byWord, byVector catalog.Severity
	for _, s := range scores {
		switch s.Type {
		case "Ubuntu":
			said = append(said, s.Score)
		case "CVSS_V3":
			byVector = max(byVector, ofVector(s.Score))
		}
	}
	for _, word := range said {
		byWord = max(byWord, ratings[strings.TrimRight(strings.ToLower(word), "*")]) // Debian marks what it inferred: "low**"
	}
	if byWord != 0 {
		return byWord
	}
	return byVector
}

// weights are those of the base metrics in the CVSS 3.1 specification, section
// 7.4. "PRC" are those of PR if the scope changes.
var weights = map[string]map[string]float64{
	"AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}, "AC": {"L": 0.77, "H": 0.44}, "UI": {"N": 0.85, "R": 0.62},
	"PR": {"N": 0.85, "L": 0.62, "H": 0.27}, "PRC": {"N": 0.85, "L": 0.68, "H": 0.5}, "S": {"U": 0, "C": 1},
	"C": {"H": 0.56, "L": 0.22, "N": 0}, "I": {"H": 0.56, "L": 0.22, "N": 0}, "A": {"H": 0.56, "L": 0.22, "N": 0},
}

// ofVector returns the severity of a CVSS 3.0 or 3.1 vector by its base
// metrics. Zero: it is not such a vector.
func ofVector(vector string) catalog.Severity {
	score, ok := baseScore(vector)
	switch {
	case !ok:
		return 0
	case score >= 90:
		return catalog.Critical
	case score >= 70:
		return catalog.High
	case score >= 40:
		return catalog.Medium
	}
	return catalog.Low
}

// baseScore returns ten times the base score, by section 7.1 of the
// specification.
func baseScore(vector string) (score int, ok bool) {
	parts := strings.Split(vector, "/")
	if parts[0] != "CVSS:3.0" && parts[0] != "CVSS:3.1" {
		return 0, false
	}
	values := map[string]string{}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, ":")
		if values[name] != "" {
			return 0, false
		}
		values[name] = value
	}
	m := map[string]float64{}
	for name, of := range weights {
		weight, known := of[values[strings.Replace(name, "PRC", "PR", 1)]]
		if !known {
			return 0, false
		}
		m[name] = weight
	}
	changed := values["S"] == "C"
	if changed {
		m["PR"] = m["PRC"]
	}
	lost := 1 - (1-m["C"])*(1-m["I"])*(1-m["A"])
	impact, factor := 6.42*lost, 1.0
	if changed {
		impact, factor = 7.52*(lost-0.029)-3.25*math.Pow(lost-0.02, 15), 1.08
	}
	if impact <= 0 {
		return 0, true
	}
	exploitability := 8.22 * m["AV"] * m["AC"] * m["PR"] * m["UI"]
	return roundUp(min(factor*(impact+exploitability), 10)), true
}

// roundUp returns ten times a score, rounded up as in appendix A of the
// specification: what floating point adds does not count.
func roundUp(score float64) int {
	whole := int(math.Round(score * 100_000))
	if whole%10_000 == 0 {
		return whole / 10_000
	}
	return whole/10_000 + 1
}
