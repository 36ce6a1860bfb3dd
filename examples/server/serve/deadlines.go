package serve

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/patchpolicy/patchpolicy/job/deadline"
)

// readDeadlines returns the tables of deadlines of these names or files.
func readDeadlines(names []string) (tables []deadline.Table, err error) {
	for _, name := range names {
		t, unknown := deadline.BuiltIn(name)
		if unknown != nil {
			if t, err = readTable(name); err != nil {
				return nil, fmt.Errorf("%w; as a file: %w", unknown, err)
			}
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func readTable(file string) (t deadline.Table, err error) {
	f, err := os.Open(file)
	if err != nil {
		return t, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, deadline.MaxJSON+1)) // Parse refuses one byte too many
	if err != nil {
		return t, err
	}
	return deadline.Parse(data, time.LoadLocation)
}
