package harness

import (
	"context"
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
}

// StartDockerd starts the Docker Engine of the tools, with data, socket and
// containerd of its own, and without any network for containers: builds use the
// host's (--network=host, or RUN --network=host).
func (e *Env) StartDockerd(ctx context.Context, extraArgs ...string) (*Dockerd, error) {
	if err := e.Tools.Need(ToolEngine, ToolBuildx); err != nil {
		return nil, err
	}
	name := e.name("dockerd")
	root := filepath.Join(e.Dir, name)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, errors.WithStack(err)
	}
	config := filepath.Join(root, "daemon.json")
	if err := os.WriteFile(config, []byte("{}\n"), 0o644); err != nil {
		return nil, errors.WithStack(err)
	}
	sock := filepath.Join(root, "docker.sock")
	d := &Dockerd{Host: "unix://" + sock, env: e}
	args := []string{
		e.Tools.Path(ToolEngine), "--config-file=" + config, "--host=" + d.Host,
		"--data-root=" + filepath.Join(root, "data"), "--exec-root=" + filepath.Join(root, "exec"),
		"--pidfile=" + filepath.Join(root, "docker.pid"), "--cgroup-parent=/" + e.id,
		"--iptables=false", "--ip6tables=false", "--bridge=none",
	}
	path := "PATH=" + filepath.Dir(e.Tools.Path(ToolEngine)) + string(os.PathListSeparator) + os.Getenv("PATH")
	var err error
	d.Process, err = e.start(processOpt{name: name, args: append(args, extraArgs...), env: e.Environ(path, "DOCKER_RAMDISK="), isolated: true})
	if err != nil {
		return nil, err
	}
	return d, d.waitReady(ctx, d.ping)
}

func (d *Dockerd) ping(ctx context.Context) error {
	sock := strings.TrimPrefix(d.Host, "unix://")
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", sock)
	}}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return errors.WithStack(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return errors.WithStack(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return errors.Errorf("_ping: %s", resp.Status)
	}
	return nil
}
