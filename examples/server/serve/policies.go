package serve

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// policies reads the tables of deadlines, by their names or files, and the files
// of calendars and baselines.
func (c Config) policies() (read controller.Config, err error) {
	for _, name := range c.Deadlines {
		table, unknown := deadline.BuiltIn(name)
		if unknown != nil {
			table, err = readFile(name, deadline.MaxJSON, func(data []byte) (deadline.Table, error) { return deadline.Parse(data, time.LoadLocation) })
			switch {
			case errors.Is(err, os.ErrNotExist):
				return read, fmt.Errorf("deadlines: %w; there is no such file either", unknown)
			case err != nil:
				return read, fmt.Errorf("deadlines: %w", err)
			}
		}
		read.Deadlines = append(read.Deadlines, table)
	}
	for _, file := range c.Calendars {
		calendar, err := readFile(file, schedule.MaxCalendarJSON, parseCalendar)
		if err != nil {
			return read, fmt.Errorf("calendar: %w", err)
		}
		read.Calendars = append(read.Calendars, calendar)
	}
	for _, file := range c.Baselines {
		b, err := readFile(file, baseline.MaxJSON, baseline.Parse)
		if err != nil {
			return read, fmt.Errorf("baseline: %w", err)
		}
		read.Baselines = append(read.Baselines, b)
	}
	return read, nil
}

var lengthMember = regexp.MustCompile(`("length"\s*:\s*)"([^"]+)"`)

// parseCalendar also takes a length as people write it, like "8h", and refuses a
// zone that is not known here: such a calendar would be closed for ever (CAL-1).
func parseCalendar(data []byte) (schedule.Calendar, error) {
	data = lengthMember.ReplaceAllFunc(data, func(member []byte) []byte {
		m := lengthMember.FindSubmatch(member)
		d, err := time.ParseDuration(string(m[2]))
		if err != nil {
			return member
		}
		return fmt.Appendf(nil, "%s%d", m[1], d)
	})
	c, err := schedule.ParseCalendar(data)
	if _, unknown := time.LoadLocation(c.Zone); err == nil && c.Zone != schedule.AssetZone && unknown != nil {
		err = fmt.Errorf("zone %q is not known here; it has a name like Europe/Berlin", c.Zone)
	}
	return c, err
}

func readFile[T any](file string, most int64, parse func([]byte) (T, error)) (v T, err error) {
	f, err := os.Open(file)
	if err != nil {
		return v, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1)) // the parser refuses one byte too many
	if err != nil {
		return v, err
	}
	if v, err = parse(data); err != nil {
		return v, fmt.Errorf("%s: %w", file, err)
	}
	return v, nil
}
