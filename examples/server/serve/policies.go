package serve

import (
	"fmt"
	"io"
	"os"
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
			if err != nil {
				return read, fmt.Errorf("%w; as a file: %w", unknown, err)
			}
		}
		read.Deadlines = append(read.Deadlines, table)
	}
	for _, file := range c.Calendars {
		calendar, err := readFile(file, schedule.MaxCalendarJSON, schedule.ParseCalendar)
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
