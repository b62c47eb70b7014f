package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/pkg/errors"
)

// options are the command line.
type options struct {
	version  string // v1.2.3
	binaries string // a folder per platform
	output   string // made anew
	source   string // the checkout, for the licences
	partial  bool   // platforms may be missing
	epoch    time.Time
}

func main() {
	var opt options
	flag.StringVar(&opt.version, "version", "", "version of the packages: v1.2.3, or v1.2.3-rc.1")
	flag.StringVar(&opt.binaries, "binaries", "", "folder with a folder of each platform (linux_amd64, ...), which has the program")
	flag.StringVar(&opt.output, "output", "", "folder to write; what is in it is removed")
	flag.StringVar(&opt.source, "source", ".", "checkout with LICENSE and cmd/docker-pullsafe/LICENSES.txt")
	flag.BoolVar(&opt.partial, "partial", false, "platforms may be missing; there is then no formula or manifest that needs them")
	flag.Parse()
	var err error
	if opt.epoch, err = epoch(os.Getenv("SOURCE_DATE_EPOCH")); err == nil {
		err = run(opt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "packages: "+err.Error())
		os.Exit(1)
	}
}

var semver = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$`)

func run(opt options) error {
	if flag.NArg() > 0 {
		return errors.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if !semver.MatchString(opt.version) {
		return errors.Errorf("%q is not a version: v1.2.3, or v1.2.3-rc.1", opt.version)
	}
	programs, err := find(opt.binaries)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(opt.output); err != nil {
		return errors.WithStack(err)
	}
	if err := os.MkdirAll(opt.output, 0o755); err != nil { //nolint:gosec // G301: what users download
		return errors.WithStack(err)
	}
	for _, p := range programs {
		if err := opt.all(p); err != nil {
			return errors.WithMessage(err, p.folder)
		}
	}
	if err := opt.manifests(); err != nil {
		return err
	}
	sums, err := checksums(opt.output)
	if err != nil {
		return err
	}
	return errors.WithStack(os.WriteFile(filepath.Join(opt.output, checksumFile), sums.text(), 0o644))
}

// all writes what there is for a platform.
func (opt options) all(p program) error {
	if err := opt.archive(p); err != nil {
		return err
	}
	if p.os != "linux" {
		return nil
	}
	for _, format := range []string{"deb", "rpm", "apk"} {
		if err := opt.pack(p, format); err != nil {
			return errors.WithMessage(err, format)
		}
	}
	return nil
}

// manifests writes those that name the archives by their checksums.
func (opt options) manifests() error {
	sums, err := checksums(opt.output)
	if err != nil {
		return err
	}
	for name, write := range manifests {
		text, err := write(opt.version, sums)
		switch {
		case err != nil && opt.partial:
			fmt.Fprintf(os.Stderr, "packages: no %s: %v\n", name, err)
			continue
		case err != nil:
			return errors.WithMessage(err, name)
		}
		if err := os.WriteFile(filepath.Join(opt.output, name), text, 0o644); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// epoch is the time of all files: that of the commit, as the environment has it.
func epoch(seconds string) (time.Time, error) {
	if seconds == "" {
		return time.Time{}, errors.New("SOURCE_DATE_EPOCH is not set: SOURCE_DATE_EPOCH=$(git log -1 --pretty=%ct)")
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, errors.Errorf("SOURCE_DATE_EPOCH=%q is not a number of seconds", seconds)
	}
	return time.Unix(n, 0).UTC(), nil
}
