package inspect

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// command is the shell command that verifies a file with this configuration.
func (c Config) command(file string) string {
	line := quote(c.Program) + " verify"
	add := func(flag, value string) {
		if value != "" {
			line += " " + flag + " " + quote(value)
		}
	}
	add("--policy", c.PolicyFile)
	add("--key", c.Key)
	add("--feed", c.Feed)
	add("--vendor", c.Vendor)
	add("--product", c.Product)
	add("--signature", c.Signature)
	for _, d := range c.Digests {
		add("--digest", d.String())
	}
	if strings.HasPrefix(file, "-") {
		line += " --"
	}
	return line + " " + quote(file)
}

// quote quotes a word for a POSIX shell, in characters that a terminal shows as
// they are. A word with characters that do not show loses the line ends at its
// end.
func quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_"
	switch {
	case word != "" && strings.Trim(word, plain) == "":
		return word
	case problem.Printable(word) == word:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for _, c := range []byte(word) {
		switch {
		case c == '%':
			b.WriteString("%%")
		case c == ' ' || strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return `"$(printf -- '` + b.String() + `')"`
}
