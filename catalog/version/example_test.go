package version_test

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func ExampleVersion_Compare() {
	installed, err := version.Parse(version.Debian, "1:2.36-9+deb12u4")
	if err != nil {
		fmt.Println(err)
		return
	}
	offered, err := version.Parse(version.Debian, "1:2.36-9+deb12u10")
	if err != nil {
		fmt.Println(err)
		return
	}
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
	// Output: "1.2" is not a semver version: invalid semantic version
}
