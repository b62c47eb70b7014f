package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
)

// StartEngine29 starts Docker Engine 29, whose default is the containerd image
// store, with data, socket and containerd of its own, as StartDockerd does.
func (e *Env) StartEngine29(ctx context.Context, extraArgs ...string) (*Dockerd, error) {
	// docker-proxy publishes the ports of containers, which have none.
	return e.startEngine(ctx, ToolEngine29, append([]string{"--userland-proxy=false"}, extraArgs...)...)
}

// EngineInfo is what an engine says of itself.
type EngineInfo struct {
	Version string
	// Driver stores images: "overlayfs" or "native" of containerd, or a graph
	// driver such as "overlay2" and "vfs".
	Driver string
	// Containerd tells that it is the containerd image store.
	Containerd bool
}

// Info asks the engine for its version and its image store.
func (d *Dockerd) Info(ctx context.Context) (*EngineInfo, error) {
	b, err := d.get(ctx, "/info")
	if err != nil {
		return nil, err
	}
	var doc struct {
		ServerVersion string
		Driver        string
		DriverStatus  [][2]string
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, errors.WithStack(err)
	}
	info := &EngineInfo{Version: doc.ServerVersion, Driver: doc.Driver}
	for _, kv := range doc.DriverStatus {
		if kv[0] == "driver-type" {
			info.Containerd = kv[1] == "io.containerd.snapshotter.v1"
		}
	}
	return info, nil
}

// Client connects to the BuildKit inside of the engine, as buildx does. The
// caller closes it.
func (d *Dockerd) Client(ctx context.Context) (*client.Client, error) {
	c, err := client.New(ctx, "",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return d.hijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return d.hijack(ctx, "/session", proto, meta)
		}),
	)
	return c, errors.WithStack(err)
}

// hijack asks the engine to go on with another protocol on the connection.
func (d *Dockerd) hijack(ctx context.Context, path, proto string, meta map[string][]string) (_ net.Conn, err error) {
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker"+path, nil)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for k, v := range meta {
		req.Header[http.CanonicalHeaderKey(k)] = v
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", proto)
	if err := req.Write(conn); err != nil {
		return nil, errors.WithStack(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		return nil, errors.Errorf("%s: %s", path, resp.Status)
	}
	return &hijacked{Conn: conn, r: r}, nil
}

// hijacked is a connection of which some may have been read ahead.
type hijacked struct {
	net.Conn
	r *bufio.Reader
}

func (h *hijacked) Read(b []byte) (int, error) { return h.r.Read(b) }
