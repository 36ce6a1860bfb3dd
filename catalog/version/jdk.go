package version

import (
	"errors"
	"regexp"
	"strings"
)

// The forms of Java's versions: since Java 9 as Runtime.Version reads them,
// before as "java -version" printed them, and as in the names of downloads.
var (
	jdkNow   = regexp.MustCompile(`^([1-9][0-9]*(?:\.(?:0|[1-9][0-9]*))*)(?:-([a-zA-Z0-9]+))?(?:\+(0|[1-9][0-9]*))?(-[-a-zA-Z0-9.]+)?$`)
	jdkLocal = regexp.MustCompile(`^([1-9][0-9]*(?:\.(?:0|[1-9][0-9]*))*)\+-[-a-zA-Z0-9.]+$`) // with the optional part alone
	jdkOld   = regexp.MustCompile(`^1\.([0-9]+(?:\.[0-9]+){0,2})(?:_([0-9]+))?` + jdkOldEnd)
	jdkName  = regexp.MustCompile(`^([0-9]+)u([0-9]+)` + jdkOldEnd)
)

const jdkOldEnd = `(?:-(ea|beta|rc))?(?:-?b([0-9]+))?(?:-[-a-zA-Z0-9.~]+)?$`

// splitJdk returns the numbers with dots between, the pre-release and the
// build.
func splitJdk(text string) (numbers, pre, build string, ok bool) {
	if m := jdkOld.FindStringSubmatch(text); m != nil {
		numbers = m[1]
		if m[2] != "" { // the update is the third number
			numbers += strings.Repeat(".0", max(0, 1-strings.Count(numbers, "."))) + "." + m[2]
		}
		return numbers, m[3], m[4], true
	}
	if m := jdkName.FindStringSubmatch(text); m != nil {
		return m[1] + ".0." + m[2], m[3], m[4], true
	}
	if strings.HasPrefix(text, "1.") {
		return "", "", "", false
	}
	if m := jdkLocal.FindStringSubmatch(text); m != nil {
		return m[1], "", "", true
	}
	m := jdkNow.FindStringSubmatch(text)
	if m == nil || m[4] != "" && m[2] == "" && m[3] == "" { // the optional part alone follows "+-"
		return "", "", "", false
	}
	return m[1], m[2], m[3], true
}

// jdkKey orders as Runtime.Version.compareToIgnoreOptional does.
func jdkKey(k key, text string) (key, error) {
	numbers, pre, build, ok := splitJdk(text)
	if !ok {
		return nil, errors.New("want a form like 17.0.9, 17.0.9+9, 17-ea+9, 17.0.9+9-LTS, 1.8.0_391, 1.8.0_391-b13, 8u391 or 8u391-b13")
	}
	k = k.dotted(numbers)
	if pre == "" {
		k = append(k, preNone)
	} else {
		k = k.preRelease(pre)
	}
	const none, present = 1, 2 // a version without a build is older than one with any
	if build == "" {
		return append(k, none), nil
	}
	return k.number(present, build), nil
}
