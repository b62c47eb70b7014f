package output

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// A check that is soon over shows no progress.
	progressAfter = 300 * time.Millisecond
	progressEvery = 100 * time.Millisecond
)

// Progress is a line on a terminal that says how far a check is.
type Progress struct {
	w    io.Writer
	stop chan struct{}
	over sync.WaitGroup

	mu        sync.Mutex
	done, all int
}

// NewProgress makes the line; a nil writer shows nothing. End must be called.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, stop: make(chan struct{})}
	if w != nil {
		p.over.Go(p.run)
	}
	return p
}

// Show says how many of the images are known.
func (p *Progress) Show(done, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.all = done, all
}

// End removes the line.
func (p *Progress) End() {
	close(p.stop)
	p.over.Wait()
}

func (p *Progress) run() {
	select {
	case <-p.stop:
		return
	case <-time.After(progressAfter):
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	shown := ""
	for {
		p.mu.Lock()
		text := fmt.Sprintf("checking images: %d of %d", p.done, p.all)
		p.mu.Unlock()
		if text != shown {
			shown = text
			_, _ = io.WriteString(p.w, "\r\x1b[K"+text)
		}
		select {
		case <-p.stop:
			_, _ = io.WriteString(p.w, "\r\x1b[K")
			return
		case <-tick.C:
		}
	}
}
