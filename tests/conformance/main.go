// Command conformance runs BuildKit's own integration tests of the Dockerfile
// frontend with upstream's frontend image and with pullsafe's, in the channels
// mainline and labs, and compares the two test by test. It ends with an error
// when a test has another outcome, and writes the counts into tests/README.md.
//
// The tests start a buildkitd each, on the OCI worker, and a registry with the
// images that they build from. Those are small stand-ins made of busybox
// (images.go): what is compared are frontends, and both see the same images. All
// of it runs in namespaces without a network, so nothing is fetched and nothing
// stays.
//
// Daemons under load fail now and then. A test with a difference is therefore
// run again with both images, and counts only if it differs again; the output and
// the table say which ones were.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/readme"
)

func main() {
	var opt options
	flag.StringVar(&opt.run, "run", "", "only the tests whose name matches, and no table in tests/README.md")
	flag.StringVar(&opt.channel, "channel", "", "only this channel, and no table")
	flag.StringVar(&opt.logs, "logs", "", "write what each run printed into this folder")
	flag.Parse()
	// Signals are the environment's, which cleans up before it ends the process.
	if err := harness.Perform(context.Background(), func(ctx context.Context, env *harness.Env) error {
		return conform(ctx, env, opt)
	}, harness.ToolBuildkitd, harness.ToolBuildctl, harness.ToolRegistry, harness.ToolRunc, harness.ToolBusybox); err != nil {
		fmt.Fprintf(os.Stderr, "\nconformance: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	run, channel, logs string
}

// partial is whether the run has not all tests.
func (o options) partial() bool { return o.run != "" || o.channel != "" }

func conform(ctx context.Context, env *harness.Env, opt options) error {
	say("building BuildKit's tests and the frontend images")
	s, err := newSuite(ctx, env, opt.logs)
	if err != nil {
		return err
	}
	r := &report{BuildKit: s.version, Date: time.Now().UTC()}
	for _, channel := range []string{harness.ChannelMainline, harness.ChannelLabs} {
		if opt.channel != "" && opt.channel != channel {
			continue
		}
		pair, err := s.compare(ctx, channel, opt.run)
		if err != nil {
			return err
		}
		r.Pairs = append(r.Pairs, pair)
	}
	text := r.markdown()
	fmt.Print("\n", text)
	if !opt.partial() {
		if err := readme.Write("conformance", text); err != nil {
			return err
		}
	}
	return errors.Wrap(r.verdict(), "not conformant")
}

func say(format string, args ...any) {
	fmt.Printf("==> "+format+"\n", args...)
}
