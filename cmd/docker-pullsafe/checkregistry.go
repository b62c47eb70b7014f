package main

import (
	"context"

	"github.com/docker/cli/cli/command"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
)

// runRegistries is check for the administrators of registries: which host aliases are
// served. It looks at no credentials.
func runRegistries(cmd *cobra.Command, dockerCLI command.Cli, opt checkOptions, args []string) error {
	if err := opt.parseRegistries(cmd, args); err != nil {
		return usage(cmd, err)
	}
	ctx := cmd.Context()
	prober := probe.New(probe.Options{Certs: certFolders(), Timeout: opt.timeout, Concurrency: 1})
	var all []*probe.Registry
	served := true
	for _, host := range opt.registries {
		r, err := prober.Registry(ctx, host)
		if err != nil {
			return interrupted(ctx, err)
		}
		served = served && len(r.Served()) > 0
		all = append(all, r)
	}
	out := dockerCLI.Out()
	write := func() error { return output.RegistryTable(out, all, inColor(out)) }
	if opt.format == formatJSON {
		write = func() error { return output.RegistryJSON(out, all) }
	}
	if err := write(); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return interrupted(ctx, cause)
	}
	if !served {
		return failed()
	}
	return nil
}

// parseRegistries checks the flags beside --registry.
func (opt *checkOptions) parseRegistries(cmd *cobra.Command, args []string) error {
	for _, host := range opt.registries {
		if _, err := probe.ParseRegistry(host); err != nil {
			return errors.Wrap(err, "--registry")
		}
	}
	if len(args) > 0 {
		return errors.New("--registry cannot be combined with images or files")
	}
	for _, name := range []string{"file", "target", "build-arg", "build-context", "platform", "strict", "summary", "fix", "yes"} {
		if cmd.Flags().Changed(name) {
			return errors.Errorf("--%s cannot be combined with --registry", name)
		}
	}
	switch {
	case opt.format != formatTable && opt.format != formatJSON:
		return errors.Errorf("--format %s: with --registry, it must be %s or %s", opt.format, formatTable, formatJSON)
	case opt.timeout <= 0:
		return errTimeout
	}
	return nil
}
