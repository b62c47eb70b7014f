//go:build !unix

package buildcmd

import (
	"context"
	"os"
)

// Replace runs the program below this process, where one cannot become another.
func Replace(line, env []string) error {
	return Run(context.Background(), line, env, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: true})
}
