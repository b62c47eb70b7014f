// Command licenses writes LICENSES.txt beside each program in cmd: the licence texts
// of all that is linked into it, on any platform of a release. `make licenses`.
//
//	main.go    the programs and their files
//	linked.go  which packages are linked
//	texts.go   the licence texts of their modules
//
// The plugin prints its file (`docker pullsafe version --licenses`), the frontend
// image has it as /licenses/LICENSES.txt.gz.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/pkg/errors"
)

// program is one that is published.
type program struct {
	name string
	// target of the bake file builds it for every platform.
	target string
}

var programs = []program{
	{name: "pullsafe-frontend", target: "frontend-cross"},
	{name: "docker-pullsafe", target: "plugin-cross"},
}

// dir is the folder of the program in the checkout.
func (p program) dir() string { return filepath.Join("cmd", p.name) }

// file is where its licence texts are.
func (p program) file() string { return filepath.Join(p.dir(), "LICENSES.txt") }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := write(ctx, ".")
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "licenses: %v\n", err)
		os.Exit(1)
	}
}

// write writes the files of a checkout.
func write(ctx context.Context, root string) error {
	for _, p := range programs {
		text, err := notices(ctx, root, p)
		if err != nil {
			return errors.Wrap(err, p.name)
		}
		if err := os.WriteFile(filepath.Join(root, p.file()), []byte(text), 0o644); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// notices is the text of a program's file.
func notices(ctx context.Context, root string, p program) (string, error) {
	builds, err := buildsOf(root, p)
	if err != nil {
		return "", err
	}
	modules, err := linked(ctx, root, "./"+filepath.ToSlash(p.dir()), builds)
	if err != nil {
		return "", err
	}
	return render(p.name, modules)
}
