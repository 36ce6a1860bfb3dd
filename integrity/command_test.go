package integrity

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func digestOf(script string) Digest {
	return Digest{SHA256, fmt.Sprintf("%x", sha256.Sum256([]byte(script)))}
}

func commandPolicy() Policy {
	return Policy{Format: PolicyFormat, Commands: []Command{
		{Name: "stop", Command: []string{"systemctl", "stop", "web"}},
		{Name: "drain", Command: []string{"/bin/sh", "-c"}, Script: digestOf("drain\n")},
		{Name: "alone", Command: []string{"/usr/bin/true"}},
	}}
}

// An action may run exactly what a command says, or that and the one script whose digest it names;
// nothing near it (INT-10).
func TestCommandsAreExact_INT10(t *testing.T) {
	x := commandPolicy().Excerpt()
	require.NoError(t, x.Validate())
	for _, tc := range []struct {
		command []string
		want    bool
	}{
		{[]string{"systemctl", "stop", "web"}, true},
		{[]string{"/bin/sh", "-c", "drain\n"}, true},
		{[]string{"/usr/bin/true"}, true},
		{nil, false},
		{[]string{""}, false},
		{[]string{"systemctl"}, false},
		{[]string{"systemctl", "stop"}, false},
		{[]string{"systemctl", "stop", "web", ""}, false},
		{[]string{"systemctl", "stop web"}, false},
		{[]string{"systemctl stop web"}, false},
		{[]string{"Systemctl", "stop", "web"}, false},
		{[]string{"/bin/sh", "-c"}, false},
		{[]string{"/bin/sh", "-c", "drain"}, false},
		{[]string{"/bin/sh", "-c", "drain\n", "more"}, false},
		{[]string{"/bin/bash", "-c", "drain\n"}, false},
		{[]string{"/bin/sh", "-c", "-c", "drain\n"}, false},
		{[]string{"drain\n"}, false},
		{[]string{"/usr/bin/true", "drain\n"}, false},
		{[]string{"/bin/sh", "-c", x.Commands[1].Script.String()}, false},
	} {
		require.Equal(t, tc.want, x.Allows(tc.command), "%q", tc.command)
	}
	require.False(t, Excerpt{}.Allows(nil))
	require.False(t, Excerpt{Commands: []Command{{}}}.Allows([]string{"sh"}))
}

// The policy's digest covers its commands, an order carries none of them, and a policy without any
// reads and digests as before.
func TestCommandsArePartOfThePolicy_INT10(t *testing.T) {
	p := commandPolicy()
	data, err := p.MarshalCanonical()
	require.NoError(t, err)
	again, err := ParsePolicy(data)
	require.NoError(t, err)
	require.Equal(t, p.Digest(), again.Digest())
	require.Equal(t, p.Excerpt(), again.Excerpt())
	require.Len(t, p.Excerpt().Commands, 3)
	require.Empty(t, p.Excerpt().Only().Commands)

	other := p
	other.Commands = slices.Clone(p.Commands)
	slices.Reverse(other.Commands)
	require.Equal(t, p.Digest(), other.Digest(), "their order means nothing")
	for i, change := range []func(*Command){
		func(c *Command) { c.Command = append(slices.Clone(c.Command), "x") },
		func(c *Command) { c.Script = digestOf("drain") },
		func(c *Command) { c.Name = "another" },
	} {
		other.Commands = slices.Clone(p.Commands)
		change(&other.Commands[1])
		require.NotEqual(t, p.Digest(), other.Digest(), "change %d", i)
	}
	other.Commands = nil
	data, err = other.MarshalCanonical()
	require.NoError(t, err)
	require.Equal(t, `{"format":1}`, string(data))
}

// Everything that is wrong with the commands is said at once.
func TestBadCommands_INT10(t *testing.T) {
	long := strings.Repeat("x", maxWord+1)
	p := Policy{Format: PolicyFormat, Commands: []Command{
		{Command: []string{"true"}},
		{Name: "a"},
		{Name: "a", Command: []string{"", "x"}},
		{Name: "b", Command: []string{"sh", long, "\xff"}},
		{Name: "c", Command: []string{"sh"}, Script: Digest{SHA512, strings.Repeat("a", 128)}},
		{Name: "d", Command: []string{"sh"}, Script: Digest{Unknown, "blake3:ab"}},
		{Name: "e", Command: slices.Repeat([]string{"x"}, maxWords+1)},
		{Name: "f", Command: slices.Repeat([]string{"x"}, maxWords)},
	}}
	want := []string{
		"commands[0].name", "commands[1].command", "commands[2].name", "commands[2].command", "commands[3].command[1]", "commands[3].command[2]",
		"commands[4].script", "commands[5].script", "commands[6].command",
	}
	for _, err := range []error{p.Validate(), Excerpt{Digest: digestOf(""), Commands: p.Commands}.Validate()} {
		bad, ok := errors.AsType[*Invalid](err)
		require.True(t, ok)
		var fields []string
		for _, problem := range bad.Problems {
			fields = append(fields, problem.Field)
		}
		require.Equal(t, want, fields)
	}
	many := Policy{Format: PolicyFormat, Commands: make([]Command, maxCommands+1)}
	for i := range many.Commands {
		many.Commands[i] = Command{Name: fmt.Sprint(i), Command: []string{"true"}}
	}
	require.ErrorContains(t, many.Validate(), "commands")
	many.Commands = many.Commands[1:]
	require.NoError(t, many.Validate())
	for _, text := range []string{
		`[{"name":"a","command":"true"}]`, `[{"name":"a","command":["true"],"script":""}]`, `[{"name":"a","command":["true"],"script":null}]`,
		`[{"name":"a","command":["sh"],"sha256":"00"}]`, `{}`,
	} {
		_, err := ParsePolicy([]byte(`{"format":1,"commands":` + text + `}`))
		require.Error(t, err, text)
	}
	data, err := json.Marshal(Command{Name: "a", Command: []string{"true"}})
	require.NoError(t, err)
	require.Equal(t, `{"name":"a","command":["true"]}`, string(data))
}
