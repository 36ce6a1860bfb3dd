package kevfeed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

func parseEPSS(_ context.Context, feed catalog.FeedID, data []byte) (b catalog.Batch, err error) {
	var text io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		if text, err = gzip.NewReader(text); err != nil {
			return b, err
		}
	}
	unpacked := &io.LimitedReader{R: text, N: maxUnpacked + 1}
	lines := bufio.NewScanner(unpacked)
	lines.Split(wholeLines)
	lines.Scan()
	if err = lines.Err(); err == nil {
		b.Dated, err = scoreDate(lines.Text())
	}
	if err == nil && (!lines.Scan() || !strings.HasPrefix(lines.Text()+",", "cve,epss,")) && lines.Err() == nil {
		err = errors.New(`its second line does not begin with "cve,epss"`)
	}
	var bad fetch.Rejects
	ids := map[string]bool{}
	for row := 1; err == nil && lines.Scan(); row++ {
		v, wrong := score(lines.Text())
		switch {
		case row > maxRows:
			err = errHuge
		case wrong == "" && ids[v.ID]:
			bad.Add("row "+v.ID, fetch.Duplicate)
		case wrong != "":
			bad.Add(fmt.Sprintf("row %d", row), wrong)
		default:
			ids[v.ID] = true
			b.Vulnerabilities = append(b.Vulnerabilities, v)
		}
	}
	switch {
	case unpacked.N == 0: // rather than what this does to its last line
		err = errHuge
	case err == nil:
		err = lines.Err()
	}
	if err == nil && len(ids) == 0 {
		err = errors.New("it has no scores")
	}
	if err != nil {
		return catalog.Batch{}, err
	}
	b.Rejected = bad.List(feed)
	return b, nil
}

var errHuge = fmt.Errorf("it has more than %d rows or %d bytes", maxRows, maxUnpacked)

// wholeLines is [bufio.ScanLines] that refuses a last line without an end.
func wholeLines(data []byte, atEnd bool) (advance int, line []byte, err error) {
	advance, line, err = bufio.ScanLines(data, atEnd)
	if advance > 0 && data[advance-1] != '\n' {
		err = errors.New("its last line does not end: it is cut off")
	}
	return advance, line, err
}

// scoreDate reads the first line: "#model_version:…,score_date:…".
func scoreDate(line string) (time.Time, error) {
	_, date, found := strings.Cut(line, "score_date:")
	date, _, _ = strings.Cut(date, ",")
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", time.DateOnly} {
		if at, err := time.Parse(form, date); err == nil && found && strings.HasPrefix(line, "#") {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("its first line %.80q has no score_date", line)
}

func score(line string) (v catalog.Vulnerability, wrong string) {
	id, rest, _ := strings.Cut(line, ",")
	text, _, _ := strings.Cut(rest, ",")
	p, ok := millionths(text)
	switch {
	case !fetch.IsCVE(id):
		return v, fmt.Sprintf("%.80q is not a CVE id", id)
	case !ok:
		return v, fmt.Sprintf("the score %.40q of %s is not a number from 0 to 1", text, id)
	}
	return catalog.Vulnerability{ID: strings.Clone(id), Probability: p}, ""
}

// maxScore is the bytes of a score: they have five digits after the point.
const maxScore = 40

// millionths reads a decimal number from 0 to 1, like 0.00043, 1 or 4.3e-04, in
// millionths. What is less than one is cut off.
func millionths(text string) (uint32, bool) {
	number, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, _ := strings.Cut(number, ".")
	shift := 0
	if scientific {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil || shift > 0 || shift < -maxScore {
			return 0, false
		}
	}
	if whole == "" || len(text) > maxScore {
		return 0, false
	}
	digits := strings.Repeat("0", -shift) + whole + fraction + "000000"
	end := len(whole) + len("000000")
	n, err := strconv.ParseUint(digits[:end], 10, 32)
	rest := strings.Trim(digits[end:], "0")
	if err != nil || strings.Trim(rest, "0123456789") != "" || n > 1_000_000 || n == 1_000_000 && rest != "" {
		return 0, false
	}
	return uint32(n), true
}
