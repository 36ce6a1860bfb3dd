package fleet

import (
	"bytes"
	"math/bits"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// history is a running hash of what happened on one asset. It is fast, not
// cryptographic; the SHA-256 over all of them is.
type history uint64

func (h *history) add(values ...uint64) {
	for _, v := range values {
		*h = history(bits.RotateLeft64(uint64(*h)^v, 29) * 0x9e3779b97f4a7c15)
	}
}

func (h *history) text(s string) {
	h.add(uint64(len(s)))
	for len(s) >= 8 {
		h.add(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
		s = s[8:]
	}
	for i := range len(s) {
		h.add(uint64(s[i]))
	}
}

// Events, for the hash.
const (
	happensStart uint64 = 1 + iota
	happensTick
	happensAnswer
	happensSilence
	happensResult
	happensCall
	happensReport
	happensEffect
)

func (h *history) event(at time.Duration, ev agent.Event) {
	switch ev := ev.(type) {
	case agent.Started:
		h.add(happensStart, uint64(at))
	case agent.Tick:
		h.tick(at)
	case agent.CallDone:
		h.answer(at, ev.ID, ev.Answer.Acknowledged)
		sealed := ev.Answer.Manifest
		if end := bytes.LastIndex(sealed, []byte(`,"signatures"`)); end > 0 { // the same for every key
			h.text(string(sealed[:end]))
		}
	case agent.CallFailed:
		h.add(happensSilence, uint64(at), ev.ID)
	case agent.ForOrder:
		h.add(happensResult, uint64(at))
		h.text(string(ev.Order))
	}
}

// tick, call and answer make up an idle check-in, carried out or skipped.
func (h *history) tick(at time.Duration) { h.add(happensTick ^ uint64(at)<<8) }
func (h *history) call(id uint64, reports int, last bool) {
	flags := happensCall | uint64(reports)<<8
	if last {
		flags |= 1 << 32
	}
	h.add(flags ^ id<<40)
}

func (h *history) answer(at time.Duration, id uint64, acknowledged job.Sequence) {
	h.add(happensAnswer^uint64(at)<<8, id^uint64(acknowledged)<<32)
}

func (h *history) report(r job.Report) {
	h.add(happensReport, uint64(r.Sequence), uint64(r.At.Unix()), uint64(r.Progress), uint64(r.Result), uint64(r.TooLate), uint64(r.Reboots))
	h.text(string(r.Order))
	for _, p := range r.Patches {
		h.text(string(p.Patch))
		h.add(uint64(p.Status), uint64(p.Code))
	}
}

func (h *history) effect(e execution.Effect) {
	h.add(happensEffect)
	switch e := e.(type) {
	case execution.TakeInventory:
		h.add(1, uint64(e.ID))
	case execution.Download:
		h.add(2, uint64(e.ID), uint64(e.Index))
	case execution.Preflight:
		h.add(3, uint64(e.ID), uint64(len(e.Patches)))
	case execution.Install:
		h.add(4, uint64(e.ID), uint64(len(e.Patches)))
	case execution.Prompt:
		h.add(5)
	case execution.Reboot:
		h.add(6)
	case execution.Discard:
		h.add(7)
	}
}
