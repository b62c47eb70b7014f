// Command ssh takes the place of the SSH client in one of BuildKit's tests: it
// asks the agent for its keys, as ssh does first of all, and connects to nobody.
package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"time"

	"github.com/pkg/errors"
)

// requestIdentities is a message of the agent's protocol: its length, and
// SSH_AGENTC_REQUEST_IDENTITIES.
var requestIdentities = []byte{0, 0, 0, 1, 11}

// pause is in place of the time that a connection over the network takes. In it
// BuildKit closes the connection to the agent, which is what the test looks for.
const pause = time.Second

func main() {
	if err := ask(context.Background(), os.Getenv("SSH_AUTH_SOCK")); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(255)
	}
	time.Sleep(pause)
}

func ask(ctx context.Context, socket string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return errors.WithStack(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(requestIdentities); err != nil {
		return errors.WithStack(err)
	}
	// The whole answer: who leaves some of it unread resets the connection.
	var length uint32
	if err := binary.Read(conn, binary.BigEndian, &length); err != nil {
		return errors.WithStack(err)
	}
	_, err = io.CopyN(io.Discard, conn, int64(length))
	return errors.WithStack(err)
}
