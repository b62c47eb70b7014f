// Command docker-pullsafe is the Docker CLI plugin `docker pullsafe`, which sees
// what a Dockerfile frontend cannot: the credentials of this machine. It runs by
// its own name too, with the same commands.
//
// The commands only wire: what they do is in the packages below plugin/, and
// what an answer of a registry means is in frontend/diagnosis.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/moby/buildkit/util/stack"
	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/version"
)

func main() {
	// In colour, logrus prints what compose-go says of a file as it stands there.
	logrus.SetFormatter(&logrus.TextFormatter{DisableColors: true})
	stack.SetVersionInfo(version.Version, version.Revision)
	if done, err := runEarly(); done {
		os.Exit(exitCode(os.Stderr, err))
	}
	dockerCLI, err := command.NewDockerCli()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR: "+err.Error())
		os.Exit(exitUsage)
	}
	os.Exit(exitCode(dockerCLI.Err(), run(dockerCLI)))
}

func run(dockerCLI *command.DockerCli) error {
	if plugin.RunningStandalone() {
		cmd := newRootCommand("docker-pullsafe", false, dockerCLI)
		if slices.Equal(os.Args[1:], []string{"-version"}) {
			cmd.SetArgs([]string{"--version"}) // as the frontend spells it
		}
		return cmd.Execute()
	}
	return plugin.RunPlugin(dockerCLI, newRootCommand("pullsafe", true, dockerCLI), metadata.Metadata{
		SchemaVersion:    "0.1.0",
		Vendor:           "pullsafe",
		Version:          version.Version,
		ShortDescription: shortDescription,
		URL:              "https://github.com/org/pullsafe",
	})
}

// exitCode prints err, unless it has no words, and returns the exit status of
// the process: that of a StatusError, and exitUsage for everything that kept a
// command from its work. What is printed is safe for a terminal: errors quote files.
func exitCode(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	code := exitUsage
	var status cli.StatusError
	if errors.As(err, &status) && status.StatusCode != 0 {
		code = status.StatusCode
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(stderr, "ERROR: "+diagnosis.Printable(text))
	}
	return code
}
