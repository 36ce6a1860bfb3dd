package version_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func ExampleVersion_Compare() {
	installed := version.MustParse(version.Debian, "1:2.36-9+deb12u4")
	offered := version.MustParse(version.Debian, "1:2.36-9+deb12u10")
	order, ok := installed.Compare(offered)
	fmt.Println(order, ok)

	_, ok = installed.Compare(version.Version{})
	fmt.Println(ok)
	// Output:
	// -1 true
	// false
}

func ExampleParse() {
	_, err := version.Parse(version.Semver, "1.2")
	fmt.Println(err)
	// Output: "1.2" is not a semver version: it does not begin with three numbers like 1.2.3
}

func ExampleMustParse() {
	for _, text := range []string{"2.0.0-rc.1", "2.0.0"} {
		order, _ := version.MustParse(version.Semver, text).Compare(version.MustParse(version.Semver, "2.0.0"))
		fmt.Println(text, order)
	}
	// Output:
	// 2.0.0-rc.1 -1
	// 2.0.0 0
}

// An importer's own scheme: releases named by an animal, in the order of the alphabet.
func ExampleOwn() {
	animals := version.Own{Name: "x-animals", Key: func(text string) ([]byte, error) {
		if strings.Trim(text, "abcdefghijklmnopqrstuvwxyz") != "" {
			return nil, errors.New("want lower-case letters")
		}
		return []byte(text), nil
	}}
	jackal, _ := animals.Parse("jackal")
	kudu, _ := animals.Parse("kudu")
	order, ok := jackal.Compare(kudu)
	form, _ := jackal.MarshalText()
	_, err := animals.Parse("Kudu")
	fmt.Println(order, ok)
	fmt.Println(string(form))
	fmt.Println(err)
	// Output:
	// -1 true
	// x-animals:6a61636b616c:jackal
	// "Kudu" is not a x-animals version: want lower-case letters
}
