package serve

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job/deadline"
)

var builtIn = map[string]func() deadline.Table{
	"bod-26-04": deadline.BOD2604, "pci-dss": deadline.PCIDSS, "cyber-essentials": deadline.CyberEssentials,
}

// readDeadlines returns the tables of deadlines of these names or files.
func readDeadlines(names []string) (tables []deadline.Table, err error) {
	for _, name := range names {
		if table, is := builtIn[name]; is {
			tables = append(tables, table())
			continue
		}
		t, err := readTable(name)
		if err != nil {
			return nil, fmt.Errorf("table of deadlines %q is none of %s, and cannot be read as a file: %w", name,
				strings.Join(slices.Sorted(maps.Keys(builtIn)), ", "), err)
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
