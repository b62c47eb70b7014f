package harness

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// Output is what a program printed and how it ended.
type Output struct {
	Stdout, Stderr string
	Code           int
}

// CommandOpt is one run of buildx or of the docker client.
type CommandOpt struct {
	Args []string
	// Dir is the working directory; or Files are its content.
	Dir   string
	Files map[string]string
	// DockerConfig has the logins; nil is nobody's.
	DockerConfig *DockerConfig
	Env          []string
	Stdin        string
}

// Buildx runs buildx with a builder of the driver "remote" for this daemon.
func (b *Buildkitd) Buildx(ctx context.Context, opt CommandOpt) (*Output, error) {
	opt, err := b.withBuilder(ctx, opt)
	if err != nil {
		return nil, err
	}
	return b.env.Run(ctx, b.env.Tools.Path(ToolBuildx), opt)
}

// BuildxTerminal is Buildx in a terminal of that size.
func (b *Buildkitd) BuildxTerminal(ctx context.Context, opt CommandOpt, columns, rows uint16) (*TerminalOutput, error) {
	opt, err := b.withBuilder(ctx, opt)
	if err != nil {
		return nil, err
	}
	return b.env.RunTerminal(ctx, b.env.Tools.Path(ToolBuildx), opt, columns, rows)
}

// withBuilder names the builder for this daemon, which is made the first time.
func (b *Buildkitd) withBuilder(ctx context.Context, opt CommandOpt) (CommandOpt, error) {
	builder, err := b.env.cached("builder "+b.Name, func() (string, error) {
		out, err := b.env.Run(ctx, b.env.Tools.Path(ToolBuildx), CommandOpt{
			Dir: b.env.Dir, Args: []string{"create", "--name", b.Name, "--driver", "remote", b.Addr},
		})
		if err == nil && out.Code != 0 {
			err = errors.Errorf("buildx create: %s", out.Stderr)
		}
		return b.Name, err
	})
	opt.Env = append([]string{"BUILDX_BUILDER=" + builder}, opt.Env...)
	return opt, err
}

// Buildx runs buildx with the driver "docker".
func (d *Dockerd) Buildx(ctx context.Context, opt CommandOpt) (*Output, error) {
	opt.Env = append([]string{"DOCKER_HOST=" + d.Host, "BUILDX_BUILDER=default"}, opt.Env...)
	return d.env.Run(ctx, d.env.Tools.Path(ToolBuildx), opt)
}

// Docker runs the engine's own client, for which buildx is a plugin if the
// configuration names PluginDir.
func (d *Dockerd) Docker(ctx context.Context, opt CommandOpt) (*Output, error) {
	opt.Env = append([]string{"DOCKER_HOST=" + d.Host}, opt.Env...)
	return d.env.Run(ctx, filepath.Join(d.dir, "docker"), opt)
}

// PluginDir is for "cliPluginsExtraDirs" in config.json: it holds docker-buildx.
func (t *Tools) PluginDir() string { return filepath.Join(t.Dir, "cli-plugins") }

// Run runs a program in the environment. The error is that it could not be run;
// one that failed is an Output with a Code.
func (e *Env) Run(ctx context.Context, program string, opt CommandOpt) (*Output, error) {
	ctx, done, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	cmd, err := e.command(ctx, program, opt)
	if err != nil {
		return nil, err
	}
	cmd.Stdin = bytes.NewReader([]byte(opt.Stdin))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// Plugins and helpers are its children: end them with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := startOnParent(cmd); err != nil {
		return nil, errors.Wrapf(err, "starting %s", program)
	}
	err = cmd.Wait()
	out := &Output{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	e.printedOutput(program, out)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return out, errors.Wrapf(err, "running %s", program)
	}
	return out, errors.WithStack(context.Cause(ctx))
}

// command is the program in its folder, with the environment's variables and the
// caller's.
func (e *Env) command(ctx context.Context, program string, opt CommandOpt, variables ...string) (*exec.Cmd, error) {
	dir := opt.Dir
	if dir == "" {
		var err error
		if dir, err = e.WriteFiles(opt.Files); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, program, opt.Args...)
	cmd.Dir = dir
	cmd.Env = e.Environ(variables...)
	if opt.DockerConfig != nil {
		cmd.Env = append(cmd.Env, "DOCKER_CONFIG="+opt.DockerConfig.Dir)
	}
	cmd.Env = append(cmd.Env, opt.Env...)
	return cmd, nil
}
