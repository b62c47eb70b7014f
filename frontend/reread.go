package frontend

import (
	"context"
	"fmt"
	"sync"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// rereadable is a reference whose files are read twice, by the preflight and by
// the builder, and fetched once: each read makes the daemon mount the result. It
// stands only in results that the builder reads from, never in what is returned
// to the gateway, which knows only references of its own.
type rereadable struct {
	gwclient.Reference

	mu    sync.Mutex
	reads map[string]fileRead
	stats map[string]fileStat
}

type fileRead struct {
	data []byte
	err  error
}

type fileStat struct {
	stat *fstypes.Stat
	err  error
}

var _ gwclient.Reference = &rereadable{}

func newRereadable(ref gwclient.Reference) *rereadable {
	return &rereadable{Reference: ref, reads: map[string]fileRead{}, stats: map[string]fileStat{}}
}

// ReadFile implements gwclient.Reference.
func (r *rereadable) ReadFile(ctx context.Context, req gwclient.ReadRequest) ([]byte, error) {
	key := req.Filename
	if req.Range != nil {
		key += fmt.Sprintf("\x00%d+%d", req.Range.Offset, req.Range.Length)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	read, ok := r.reads[key]
	if !ok {
		read.data, read.err = r.Reference.ReadFile(ctx, req)
		if context.Cause(ctx) == nil {
			r.reads[key] = read
		}
	}
	return read.data, read.err
}

// StatFile implements gwclient.Reference.
func (r *rereadable) StatFile(ctx context.Context, req gwclient.StatRequest) (*fstypes.Stat, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stat, ok := r.stats[req.Path]
	if !ok {
		stat.stat, stat.err = r.Reference.StatFile(ctx, req)
		if context.Cause(ctx) == nil {
			r.stats[req.Path] = stat
		}
	}
	return stat.stat, stat.err
}
