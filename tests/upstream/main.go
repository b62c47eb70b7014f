// Command upstream moves the checkout to a release of BuildKit, and writes what
// that release changes for pullsafe: `make upstream VERSION=v0.35.0`.
//
//	release.go    which release: the one that was asked for, or the newest
//	bump.go       the order of a run
//	modules.go    go.mod files: BuildKit, its exclude lines, tools, requirements
//	older.go      a module for the previous minor version, which stays a daemon
//	              of the compatibility tests
//	mentions.go   the places outside of go.mod files that name a version
//	gocommand.go  the go command and Git
//	backup.go     puts every file back when a run fails or is interrupted
//	facts.go      what a BuildKit offers to a frontend, read from its source
//	relied.go     sources whose behaviour pullsafe relies on
//	summary.go    the comparison of before and now
//	todo.go       what is left to a person
//	markdown.go   the text of both
//
// The go command changes requirements and golang.org/x/mod reads them. Versions
// only go up, and only to what the go line of the checkout allows: where the
// newest needs a newer Go, the next older one is taken and the summary says so.
// What needs judgement, such as a new capability in the image's label, is left to
// a person and listed in the summary.
//
// The command imports neither BuildKit nor other packages of the project, or it
// could not be built any more after a bump that breaks them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/pkg/errors"
)

// exitInterrupted is what shells report for a program that SIGINT ended.
const exitInterrupted = 130

type options struct {
	version string // wanted; empty for the newest
	since   string // the Git revision that the summary compares with
	output  string // a file for the summary
	check   bool   // only tell which release it would be
}

func main() {
	var opt options
	flag.StringVar(&opt.version, "version", "", "the release of BuildKit, such as v0.35.0 (default: the newest)")
	flag.StringVar(&opt.since, "since", "HEAD", "the Git `revision` that the summary compares with")
	flag.StringVar(&opt.output, "o", filepath.Join("bin", "upstream.md"), "write the summary to this `file` too")
	flag.BoolVar(&opt.check, "check", false, "change nothing, only print present=, version= and newer=")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := follow(ctx, opt)
	interrupted := context.Cause(ctx) != nil
	stop()
	switch {
	case err == nil:
	case interrupted:
		fmt.Fprintln(os.Stderr, "upstream: interrupted")
		os.Exit(exitInterrupted)
	default:
		fmt.Fprintf(os.Stderr, "upstream: %v\n", err)
		os.Exit(1)
	}
}

// follow is the whole command.
func follow(ctx context.Context, opt options) error {
	if flag.NArg() > 0 {
		return errors.Errorf("unexpected argument %q: make upstream VERSION=v0.35.0", flag.Arg(0))
	}
	root, err := findCheckout(ctx)
	if err != nil {
		return err
	}
	b := &bump{root: root, tool: goTool{}}
	if err := b.choose(ctx, opt.version); err != nil {
		return err
	}
	if opt.check {
		fmt.Printf("present=%s\nversion=%s\nnewer=%t\n", b.present, b.target, b.present != b.target)
		return nil
	}
	text, err := b.run(ctx, opt.since)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(opt.output), 0o755); err != nil {
		return errors.WithStack(err)
	}
	if err := os.WriteFile(opt.output, []byte(text), 0o644); err != nil {
		return errors.WithStack(err)
	}
	fmt.Print(text)
	return nil
}

// say tells about progress; standard output is the summary's.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...)
}
