package harness

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// Dockerd is a running Docker Engine.
type Dockerd struct {
	*Process
	// Host is the value of DOCKER_HOST.
	Host string

	env *Env
	dir string // of the engine's programs
}

// StartDockerd starts Docker Engine 20.10, with data, socket and containerd of
// its own, and without any network for containers: builds use the host's
// (--network=host, or RUN --network=host).
func (e *Env) StartDockerd(ctx context.Context, extraArgs ...string) (*Dockerd, error) {
	return e.startEngine(ctx, ToolEngine, extraArgs...)
}

// startEngine starts dockerd, which finds containerd, the shim and runc on PATH.
func (e *Env) startEngine(ctx context.Context, tool string, extraArgs ...string) (*Dockerd, error) {
	if err := e.Tools.Need(tool, ToolRunc, ToolBuildx); err != nil {
		return nil, err
	}
	name := e.name("dockerd")
	root := filepath.Join(e.Dir, name)
	temp := filepath.Join(root, "tmp")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return nil, errors.WithStack(err)
	}
	config := filepath.Join(root, "daemon.json")
	if err := os.WriteFile(config, []byte("{}\n"), 0o644); err != nil {
		return nil, errors.WithStack(err)
	}
	sock := filepath.Join(root, "docker.sock")
	d := &Dockerd{Host: "unix://" + sock, env: e, dir: filepath.Dir(e.Tools.Path(tool))}
	args := []string{
		e.Tools.Path(tool), "--config-file=" + config, "--host=" + d.Host,
		"--data-root=" + filepath.Join(root, "data"), "--exec-root=" + filepath.Join(root, "exec"),
		"--pidfile=" + filepath.Join(root, "docker.pid"), "--cgroup-parent=/" + e.id,
		"--iptables=false", "--ip6tables=false", "--bridge=none",
	}
	path := "PATH=" + d.dir + string(os.PathListSeparator) + e.pathVariable()
	var err error
	d.Process, err = e.start(processOpt{name: name, args: append(args, extraArgs...), env: e.Environ(path, "DOCKER_RAMDISK=", "TMPDIR="+temp), isolated: true})
	if err != nil {
		return nil, err
	}
	return d, d.waitReady(ctx, d.ping)
}

func (d *Dockerd) ping(ctx context.Context) error {
	_, err := d.get(ctx, "/_ping")
	return err
}

// get asks the engine's API.
func (d *Dockerd) get(ctx context.Context, path string) ([]byte, error) {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.dial(ctx) }}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker"+path, nil)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Errorf("%s: %s: %s", path, resp.Status, body)
	}
	return body, nil
}

func (d *Dockerd) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(d.Host, "unix://"))
	return conn, errors.WithStack(err)
}
