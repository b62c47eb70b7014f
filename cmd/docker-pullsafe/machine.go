package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/socket"
	"github.com/docker/cli/cli/config"
	dockerconfig "github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/streams"
	"github.com/moby/buildkit/util/appcontext"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/plugin/accepted"
	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/configfile"
	"github.com/org/pullsafe/plugin/frontendimage"
	"github.com/org/pullsafe/plugin/install"
)

// machine is what builds need of this machine: Docker's configuration, buildx, and how
// the plugin was called. It is made without the Docker CLI's own start, so that a
// build does not wait for that.
type machine struct {
	cfg  *dockerconfig.ConfigFile
	call *buildcmd.Call // nil for the program on its own
	// asDocker: the command is docker's own, or may be, as not every Docker CLI says so
	// where there is an alias. It does what it does without pullsafe.
	asDocker bool
	buildx   buildcmd.Program
	missing  error // there is no buildx
	store    frontendimage.Store
}

func newMachine(call *buildcmd.Call) *machine {
	if call != nil && call.ConfigDir != "" {
		config.SetDir(call.ConfigDir)
	}
	m := &machine{cfg: config.LoadDefaultConfigFile(io.Discard), call: call, store: frontendImages()}
	if call != nil {
		m.asDocker = call.Via == buildcmd.Alias || m.cfg.Aliases["builder"] == install.Plugin
	}
	m.buildx, m.missing = buildcmd.Find(m.cfg, call)
	return m
}

// runEarly runs what is buildx's or a build, before the Docker CLI's code starts; done
// is false for all other commands.
func runEarly() (done bool, err error) {
	if !buildcmd.IsPlugin() {
		return false, nil
	}
	call, err := buildcmd.ParseCall(os.Args[1:], os.LookupEnv)
	if err != nil {
		return false, nil //nolint:nilerr // the Docker CLI's code says so
	}
	name, rest := "", []string{}
	if len(call.Args) > 0 {
		name, rest = call.Args[0], call.Args[1:]
	}
	isBuild := name == "build" || name == "bake"
	help := isBuild && call.Via == buildcmd.Direct && buildcmd.ParseArgs(rest).Help
	if help || !isBuild && isOwn(name, call.Via) {
		return false, nil
	}
	m := newMachine(&call)
	switch {
	case !m.asDocker && (!isBuild || buildcmd.ParseArgs(rest).Help):
		return false, nil
	case !isBuild:
		return true, m.forward(call.Args)
	}
	ctx, cancel := context.WithCancelCause(appcontext.Context())
	defer cancel(nil)
	socket.ConnectAndWait(func() { cancel(errors.New("the Docker CLI has ended its plugins")) })
	if name == "bake" {
		return true, m.bake(ctx, rest)
	}
	return true, m.build(ctx, rest)
}

// isOwn tells the plugin's commands from buildx's. By the alias come none but what the
// Docker CLI itself asks of a plugin, and what asks for the alias.
func isOwn(name string, via buildcmd.Via) bool {
	switch {
	case strings.HasPrefix(name, "docker-cli-plugin-"), strings.HasPrefix(name, "__complete"), name == aliasProbe:
		return true
	case via == buildcmd.Alias:
		return false
	}
	return name == "" || strings.HasPrefix(name, "-") || slices.Contains(ownCommands, name)
}

// ownCommands are the plugin's, but for build and bake.
var ownCommands = []string{"check", "explain", "help", "install", "pull", "status", "uninstall", "version"}

// forward hands a command to buildx.
func (m *machine) forward(args []string) error {
	if m.missing != nil {
		return m.without(appcontext.Context(), append([]string{"builder"}, args...))
	}
	if len(args) > 0 && (args[0] == "prune" || args[0] == "rm") {
		m.store.Forget() // the builder may not have the frontend image any more
	}
	return m.replace(args)
}

// buildxCommand is a call of buildx whose output is read; the end of ctx interrupts it.
func (m *machine) buildxCommand(ctx context.Context, args ...string) *exec.Cmd {
	line := m.buildx.Line(args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...) //nolint:gosec // G204: buildx's own program
	cmd.Env = m.buildx.Below(m.environ())
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Second
	return cmd
}

// environ is the environment of a build.
func (m *machine) environ() []string {
	if !m.asDocker {
		return os.Environ()
	}
	return buildcmd.WithBuilder(os.Environ(), m.call.Builder(m.cfg, os.LookupEnv))
}

// replace makes this process buildx.
func (m *machine) replace(args []string) error {
	env := m.environ()
	if len(m.buildx.Args) == 0 {
		env = m.buildx.Below(env)
	}
	return buildcmd.Replace(m.buildx.Line(args...), env)
}

// run runs buildx below this process; in is standard input, nil for this process's own.
func (m *machine) run(ctx context.Context, in io.Reader, args []string) error {
	if in == nil {
		in = os.Stdin
	}
	return buildcmd.Run(ctx, m.buildx.Line(args...), m.buildx.Below(m.environ()), buildcmd.Streams{
		In: in, Out: os.Stdout, Err: os.Stderr, Terminal: isTerminal(os.Stdout),
	})
}

// pass runs a command of buildx unchanged, with standard input where it has been read.
func (m *machine) pass(ctx context.Context, in *buildcmd.Stdin, args []string) error {
	if in == nil {
		return m.replace(args)
	}
	return m.run(ctx, in.Reader, args)
}

// without runs a command of docker's as if the plugin were not there: with a
// configuration that has no alias.
func (m *machine) without(ctx context.Context, args []string) (err error) {
	docker, err := exec.LookPath(dockerProgram())
	if err != nil {
		return errors.WithStack(buildcmd.ErrNoBuildx)
	}
	view, remove, err := configfile.View(config.Dir(), func(doc map[string]json.RawMessage) error {
		configfile.Delete(doc, "aliases") // there is no other than the builder's
		return nil
	})
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := remove(); err == nil {
			err = removeErr
		}
	}()
	line := slices.Concat([]string{docker}, m.call.Global, []string{"--config", view}, args)
	env := withoutVariables(os.Environ(), socket.EnvKey, metadata.ReexecEnvvar)
	return buildcmd.Run(ctx, line, env, buildcmd.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: isTerminal(os.Stdout)})
}

// isClassic: the user has turned BuildKit off. Newer Docker CLIs build by themselves
// then, and do not ask the plugin.
func isClassic() bool {
	on, err := strconv.ParseBool(os.Getenv("DOCKER_BUILDKIT"))
	return err == nil && !on
}

// stdin reads the Dockerfile or bake file that comes from standard input.
func stdin(used bool) (*buildcmd.Stdin, error) {
	if !used {
		return nil, nil //nolint:nilnil // there is none to read
	}
	in, err := buildcmd.ReadStdin(os.Stdin)
	return &in, err
}

func isTerminal(f *os.File) bool { return streams.NewOut(f).IsTerminal() }

// note says something that is not buildx's, on standard error.
func note(text string) {
	_, _ = fmt.Fprintln(os.Stderr, diagnosis.Printable(text))
}

// wrong is an error of usage.
func wrong(err error) error {
	return cli.StatusError{Status: err.Error(), StatusCode: exitUsage}
}

// noBuildx is the error of a command that needs buildx.
func (m *machine) noBuildx() error {
	return cli.StatusError{Status: m.missing.Error(), StatusCode: exitFailed}
}

// acceptedBuilds and frontendImages are remembered in the user's folder for caches.
// Without such a folder, nothing is.
func acceptedBuilds() accepted.Store {
	return accepted.Store{Dir: cacheFolder("accepted"), Now: time.Now}
}

func frontendImages() frontendimage.Store {
	return frontendimage.Store{Dir: cacheFolder("frontend"), Now: time.Now}
}

func cacheFolder(name string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "pullsafe", name)
}
