// Package rollout
package rollout
