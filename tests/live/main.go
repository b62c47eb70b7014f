// Command live asks real registries whether they answer under the aliases of their
// host, as pullsafe asks after a rejected login. The order in which aliases are
// tried (frontend/registry) rests on its table.
//
// Each image is asked for as written without a login, which shows that it can be
// had at all; as written with a made-up login; and under each host alias while
// that login is stored. It is done in the way of a build: BuildKit's own resolver
// asks a session for credentials, the session looks them up in a Docker
// configuration by the literal host, and metadata and a layer are fetched. It
// needs neither root nor a daemon.
//
// It ends with an error when the alias that pullsafe would try first does not
// do, or when nothing can be said of a registry.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/pkg/errors"
)

// images are public, small and old enough to stay: one of each registry that
// many Dockerfiles name.
var images = []string{
	"ghcr.io/astral-sh/uv:latest",
	"docker.io/library/busybox:latest",
	"quay.io/prometheus/busybox:latest",
	"public.ecr.aws/docker/library/busybox:latest",
	"gcr.io/distroless/static-debian12:latest",
	"mcr.microsoft.com/azurelinux/distroless/minimal:3.0",
	"registry.gitlab.com/gitlab-org/release-cli:latest",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		_, _ = os.Stderr.WriteString("live: " + err.Error() + "\n")
		os.Exit(1)
	}
}

// run asks for the images that the arguments name, or for the usual ones, and
// writes the results.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("live", flag.ContinueOnError)
	markdown := flags.String("markdown", "", "write the table to this file too")
	asJSON := flags.String("json", "", "write all of it to this file")
	if err := flags.Parse(args); err != nil {
		return errors.WithStack(err)
	}
	list := images
	if flags.NArg() > 0 {
		list = flags.Args()
	}
	results, err := askAll(ctx, list)
	if err != nil {
		return err
	}
	text := table(results)
	if _, err := io.WriteString(stdout, text); err != nil {
		return errors.WithStack(err)
	}
	if *markdown != "" {
		if err := os.WriteFile(*markdown, []byte(text), 0o644); err != nil {
			return errors.WithStack(err)
		}
	}
	if *asJSON != "" {
		b, err := json.MarshalIndent(results, "", "  ")
		if err != nil {
			return errors.WithStack(err)
		}
		if err := os.WriteFile(*asJSON, append(b, '\n'), 0o644); err != nil {
			return errors.WithStack(err)
		}
	}
	return verdict(results)
}
