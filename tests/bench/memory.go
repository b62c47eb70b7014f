package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// memory returns how to measure the most memory that the frontend's process had
// in a build with so many references: what the kernel calls its high water mark,
// read until the process has ended.
func (s *stage) memory(refs int) func(context.Context, frontendImage) (float64, error) {
	c := benchCase{kind: kindCached, refs: refs, hosts: min(refs, 5)}
	return func(ctx context.Context, fe frontendImage) (float64, error) {
		s.setFault(answerAfter(5 * time.Millisecond))
		defer s.setFault(nil)
		type result struct {
			peak float64
			err  error
		}
		watching, end := context.WithCancelCause(ctx)
		peak := make(chan result, 1)
		go func() {
			v, err := watchPeak(watching, s.daemon.Pid())
			peak <- result{v, err}
		}()
		_, err := s.build(ctx, c, fe, s.nextPrefix())
		end(errors.New("the build has ended"))
		got := <-peak
		if err != nil {
			return 0, err
		}
		return got.peak, got.err
	}
}

// frontendComm is the name of the frontend's process, as the kernel keeps it: 15
// bytes. Both images have the entry point of the checkout's Dockerfile.
const frontendComm = "pullsafe-fronte"

// watchPeak looks for a frontend that the daemon runs, until ctx ends. There is
// one at a time, because the bench builds one after the other.
func watchPeak(ctx context.Context, daemon int) (float64, error) {
	var peak float64
	var pid string
	for {
		if pid == "" {
			pid = findFrontend(daemon)
		}
		if pid != "" {
			v := highWaterMark(pid)
			if peak = max(peak, v); v == 0 {
				pid = ""
			}
		}
		select {
		case <-ctx.Done():
			if peak == 0 {
				return 0, errors.New("no process of the frontend was seen")
			}
			return peak, nil
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func findFrontend(daemon int) string {
	files, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return ""
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		pid := filepath.Base(filepath.Dir(file))
		if err == nil && string(bytes.TrimSpace(b)) == frontendComm && descends(pid, daemon) {
			return pid
		}
	}
	return ""
}

// descends tells whether the process has the ancestor.
func descends(pid string, ancestor int) bool {
	for pid != "" && pid != "0" {
		if pid == strconv.Itoa(ancestor) {
			return true
		}
		pid = status(pid, "PPid")
	}
	return false
}

// highWaterMark is VmHWM in MB, 0 when the process has ended.
func highWaterMark(pid string) float64 {
	kb, err := strconv.ParseFloat(strings.TrimSuffix(status(pid, "VmHWM"), " kB"), 64)
	if err != nil {
		return 0
	}
	return kb * 1024 / megabyte
}

// status is a field of /proc/PID/status, "" when the process has ended.
func status(pid, field string) string {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
