package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pkg/errors"
)

// processReport compares the two programs themselves.
type processReport struct {
	Figures []figure `json:"figures"`
}

type figure struct {
	What     string  `json:"what"`
	Upstream float64 `json:"upstream"`
	Pullsafe float64 `json:"pullsafe"`
}

func (s *stage) measureProcess(ctx context.Context, rounds int) (*processReport, error) {
	out := &processReport{}
	for _, m := range []struct {
		what    string
		measure func(context.Context, frontendImage) (float64, error)
		rounds  int
	}{
		{"size of the binary, MB", binarySize, 1},
		{"compressed, as in the image, MB", compressedSize, 1},
		// Go programs initialise all their packages before they look at a flag.
		{"start-up (-version), ms", startUp, rounds * 2},
		{"peak memory (VmHWM), 1 reference, MB", s.memory(1), rounds},
		{"peak memory (VmHWM), 100 references, MB", s.memory(maxRefs), rounds},
	} {
		values := [2][]float64{}
		for range m.rounds {
			for i, fe := range s.frontends {
				v, err := m.measure(ctx, fe)
				if err != nil {
					return nil, errors.Wrapf(err, "%s: %s", m.what, fe.name)
				}
				values[i] = append(values[i], v)
			}
		}
		out.Figures = append(out.Figures, figure{m.what, quantile(values[0], 0.5), quantile(values[1], 0.5)})
	}
	return out, nil
}

const megabyte = 1e6

func binarySize(_ context.Context, fe frontendImage) (float64, error) {
	info, err := os.Stat(fe.binary)
	if err != nil {
		return 0, errors.WithStack(err)
	}
	return float64(info.Size()) / megabyte, nil
}

// compressedSize is that of the image's only layer, but for the tar header.
func compressedSize(_ context.Context, fe frontendImage) (float64, error) {
	data, err := os.ReadFile(fe.binary)
	if err != nil {
		return 0, errors.WithStack(err)
	}
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		return 0, errors.WithStack(err)
	}
	if err := w.Close(); err != nil {
		return 0, errors.WithStack(err)
	}
	return float64(buf.Len()) / megabyte, nil
}

func startUp(ctx context.Context, fe frontendImage) (float64, error) {
	start := time.Now()
	err := exec.CommandContext(ctx, fe.binary, "-version").Run()
	return ms(time.Since(start)), errors.Wrap(err, filepath.Base(fe.binary))
}
