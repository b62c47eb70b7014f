package harness

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
)

// BuildkitdOpt changes how buildkitd is started.
type BuildkitdOpt struct {
	// Tool is another daemon than ToolBuildkitd, such as ToolBuildkitd012.
	Tool string
	// Root is a folder for its state, by default one that goes with the environment.
	Root string
	// Config is the text of buildkitd.toml.
	Config string
	// Env adds variables, Args flags.
	Env, Args []string
	// NoProcessSandbox is for machines where a container cannot mount /proc.
	NoProcessSandbox bool
}

// Buildkitd is a running daemon.
type Buildkitd struct {
	*Process
	// Addr is unix://SOCKET.
	Addr string

	env *Env
}

// StartBuildkitd starts buildkitd with runc and waits until it answers.
func (e *Env) StartBuildkitd(ctx context.Context, opt BuildkitdOpt) (*Buildkitd, error) {
	tool := cmp.Or(opt.Tool, ToolBuildkitd)
	if err := e.Tools.Need(tool, ToolRunc); err != nil {
		return nil, err
	}
	name := e.name("buildkitd")
	root := filepath.Join(e.Dir, name)
	// BuildKit leaves folders there when a build is cut off.
	temp := filepath.Join(root, "tmp")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return nil, errors.WithStack(err)
	}
	text := opt.Config
	if !strings.Contains(text, "[worker.oci]") {
		// Containers' control groups go where removeCgroups looks for them.
		text += "\n[worker.oci]\n  defaultCgroupParent = \"/" + e.id + "\"\n"
	}
	config := filepath.Join(root, "buildkitd.toml")
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, errors.WithStack(err)
	}
	b := &Buildkitd{Addr: "unix://" + filepath.Join(root, "sock"), env: e}
	args := []string{
		e.Tools.Path(tool), "--config=" + config, "--root=" + cmp.Or(opt.Root, filepath.Join(root, "root")), "--addr=" + b.Addr,
		// "auto" takes overlayfs where the kernel can, else copies.
		"--containerd-worker=false", "--oci-worker=true", "--oci-worker-snapshotter=auto",
		// RUN reaches what the daemon reaches: only loopback servers are of use.
		"--oci-worker-net=host", "--oci-worker-gc=false", "--oci-worker-binary=" + e.Tools.Path(ToolRunc),
	}
	if tool != ToolBuildkitd012 {
		// Its place by default is one for the whole machine: of two daemons that
		// start at once, one would fail. 0.12 cannot be told, and only warns.
		args = append(args, "--otel-socket-path="+filepath.Join(root, "otel.sock"))
	}
	if opt.NoProcessSandbox {
		args = append(args, "--oci-worker-no-process-sandbox")
	}
	var err error
	b.Process, err = e.start(processOpt{name: name, args: append(args, opt.Args...), env: e.Environ(append([]string{"TMPDIR=" + temp}, opt.Env...)...), isolated: true})
	if err != nil {
		return nil, err
	}
	return b, b.waitReady(ctx, b.ping)
}

func (b *Buildkitd) ping(ctx context.Context) error {
	c, err := b.Client(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = c.ListWorkers(ctx)
	return errors.WithStack(err)
}

// Prune removes all that the daemon has cached, so that the next build asks the
// registries again.
func (b *Buildkitd) Prune(ctx context.Context) error {
	c, err := b.Client(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return errors.WithStack(c.Prune(ctx, nil, client.PruneAll))
}

// Client connects to the daemon. The caller closes it.
func (b *Buildkitd) Client(ctx context.Context) (*client.Client, error) {
	c, err := client.New(ctx, b.Addr)
	return c, errors.WithStack(err)
}
