// Command pullsafe-frontend is the entry point of the frontend image. BuildKit
// starts it with the gateway on its standard input and output; it takes nothing
// from the command line but -version.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	"github.com/moby/buildkit/util/appcontext"
	"github.com/moby/buildkit/util/bklog"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec of the gateway's messages
	"github.com/moby/buildkit/util/stack"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/version"
)

func main() {
	show := flag.Bool("version", false, "show the version")
	flag.Parse()
	if *show {
		fmt.Println(version.Line("pullsafe-frontend"))
		return
	}

	stack.SetVersionInfo(version.Version, version.Revision)
	if err := grpcclient.RunFromEnvironment(appcontext.Context(), frontend.Build); err != nil {
		// Standard error is the daemon's log: the user has had the error over the
		// gateway by now.
		bklog.L.Errorf("fatal error: %+v", err)
		os.Exit(1)
	}
}
