package frontend

import (
	"context"
	"sync"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// readOnce is the folder of the Dockerfile, from which the preflight and the builder
// read the same files: for each read the daemon would mount the folder anew, which
// costs 2 to 3 % of a cached build. It stands only in results that are read from,
// never in what is returned to the gateway, which knows only references of its own.
type readOnce struct {
	gwclient.Reference

	mu    sync.Mutex
	files map[string]fileRead
}

type fileRead struct {
	data []byte
	err  error
}

// ReadFile implements gwclient.Reference.
func (r *readOnce) ReadFile(ctx context.Context, req gwclient.ReadRequest) ([]byte, error) {
	if req.Range != nil {
		return r.Reference.ReadFile(ctx, req)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	read, ok := r.files[req.Filename]
	if !ok {
		read.data, read.err = r.Reference.ReadFile(ctx, req)
		if context.Cause(ctx) == nil {
			r.files[req.Filename] = read
		}
	}
	return read.data, read.err
}

// head is the digest of the op that a definition ends in, which names those below it.
func head(def *pb.Definition) digest.Digest {
	if len(def.GetDef()) == 0 {
		return ""
	}
	return digest.FromBytes(def.Def[len(def.Def)-1])
}
