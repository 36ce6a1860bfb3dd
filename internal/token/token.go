// Package token gives each secret of the example programs a prefix, so that one
// is not mistaken for another: "ppa_" for an administrator's token, "ppe_" for
// an enrolment token. The rest is random.
package token

import (
	"crypto/rand"
	"strings"
)

const (
	admin     = "ppa_"
	enrolment = "ppe_"
)

// NewAdmin returns a new administrator's token.
func NewAdmin() string { return admin + rand.Text() }

// NewEnrolment returns a new enrolment token.
func NewEnrolment() string { return enrolment + rand.Text() }

// IsAdmin reports whether a secret is an administrator's token. An agent must
// never send one.
func IsAdmin(secret string) bool { return strings.HasPrefix(strings.TrimSpace(secret), admin) }

// IsEnrolment reports whether a secret is an enrolment token. Tokens of other
// programs have no prefix.
func IsEnrolment(secret string) bool { return strings.HasPrefix(strings.TrimSpace(secret), enrolment) }
