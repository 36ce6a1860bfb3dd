// Package token gives the secrets of the example programs their shapes, so that one is not taken for the other: an
// administrator's token begins with "ppa_", an enrolment token with "ppe_". What comes after it is random.
package token

import (
	"crypto/rand"
	"strings"
)

const (
	admin     = "ppa_"
	enrolment = "ppe_"
)

// NewAdmin draws an administrator's token.
func NewAdmin() string { return admin + rand.Text() }

// NewEnrolment draws an enrolment token.
func NewEnrolment() string { return enrolment + rand.Text() }

// IsAdmin says whether a secret is an administrator's token, which no agent must send to anybody.
func IsAdmin(secret string) bool { return strings.HasPrefix(strings.TrimSpace(secret), admin) }

// IsEnrolment says whether a secret is an enrolment token. One that another program drew has no shape.
func IsEnrolment(secret string) bool { return strings.HasPrefix(strings.TrimSpace(secret), enrolment) }
