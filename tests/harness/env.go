package harness

import (
	"context"
	stderrors "errors"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// closeTimeout bounds Close, which must also end when a daemon hangs.
const closeTimeout = 60 * time.Second

// Env is one run of the harness: a folder, a network, and the processes in it.
type Env struct {
	// Dir is the temporary folder that holds all files of the run.
	Dir string
	// Tools are the programs that daemons are started from.
	Tools *Tools
	// Network gives registries their host names.
	Network *Network

	id      string
	logs    string
	lock    *os.File
	printed printed

	closing    sync.Once
	closeErr   error
	open       context.Context // ends when Close begins
	end        context.CancelFunc
	operations sync.WaitGroup

	mu      sync.Mutex
	closers []closer
	closed  bool
	serial  int
	once    map[string]func() (string, error)
}

type closer struct {
	name string
	f    func(context.Context) error
}

// NewEnv makes an empty environment. The caller calls Close, also after a
// failure of anything else.
func NewEnv(ctx context.Context, tools *Tools) (_ *Env, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("root is needed to run buildkitd: start the tests or the demo as root, or with sudo")
	}
	sweep()
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	e := &Env{Dir: dir, Tools: tools, id: filepath.Base(dir), logs: filepath.Join(dir, "logs"), once: map[string]func() (string, error){}}
	e.open, e.end = context.WithCancel(context.WithoutCancel(ctx)) //nolint:forbidigo // it has no cause to tell
	defer func() {                                                 //nolint:contextcheck // Close has a context of its own
		if err != nil {
			err = stderrors.Join(err, e.Close())
		}
	}()
	if e.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	for _, d := range []string{e.logs, filepath.Join(dir, "docker-config")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	if e.Network, err = newNetwork(ctx, e); err != nil {
		return nil, err
	}
	return e, nil
}

// OnClose has f called by Close, in reverse order of the calls of OnClose; at
// once if Close has come first.
func (e *Env) OnClose(name string, f func(context.Context) error) {
	e.mu.Lock()
	late := e.closed
	if !late {
		e.closers = append(e.closers, closer{name, f})
	}
	e.mu.Unlock()
	if late {
		_ = f(e.open) // it has ended: f does not wait for long
	}
}

// Close ends all processes and servers and removes all files. The error tells
// what was left. A second call does nothing more.
//
// Whoever calls while another does waits for the same end: the process must not
// go before its files have.
func (e *Env) Close() error {
	e.closing.Do(func() { e.closeErr = e.close() })
	return e.closeErr
}

func (e *Env) close() error {
	e.mu.Lock()
	e.closed = true
	closers := slices.Clone(e.closers)
	e.mu.Unlock()
	e.end()
	e.operations.Wait()
	// Not the caller's context: that may have ended, which is why Close is called.
	ctx, cancel := context.WithTimeoutCause(context.Background(), closeTimeout, errors.New("closing took too long"))
	defer cancel()
	var errs []error
	for _, c := range slices.Backward(closers) {
		if err := c.f(ctx); err != nil {
			errs = append(errs, errors.Wrapf(err, "closing %s", c.name))
		}
	}
	errs = append(errs, removeAll(e.Dir, e.id))
	if e.lock != nil {
		_ = e.lock.Close()
	}
	return stderrors.Join(errs...)
}

// CloseOnSignal calls Close and ends the process with the usual status when
// SIGINT, SIGTERM or SIGHUP arrives. The returned function ends that.
func (e *Env) CloseOnSignal() (stop func()) {
	ch := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case <-done:
		case sig := <-ch:
			// A second signal ends the process at once; the next NewEnv sweeps up.
			signal.Stop(ch)
			if err := e.Close(); err != nil {
				_, _ = os.Stderr.WriteString("harness: " + err.Error() + "\n")
			}
			code := 1
			if s, ok := sig.(syscall.Signal); ok {
				code = 128 + int(s)
			}
			os.Exit(code)
		}
	}()
	return sync.OnceFunc(func() {
		signal.Stop(ch)
		close(done)
	})
}

// SetProcessEnv makes this process use the environment's network and an empty
// Docker configuration. Call it first of all: net/http and crypto/x509 read the
// variables once, and builds in process fetch their tokens from here.
func (e *Env) SetProcessEnv() error {
	for _, kv := range e.vars() {
		k, v, _ := strings.Cut(kv, "=")
		if err := os.Setenv(k, v); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// Environ is the environment of programs that the harness starts, for a command
// of the caller's own. Later values win over earlier ones.
func (e *Env) Environ(extra ...string) []string {
	path := "PATH=" + e.pathVariable()
	return append(append(cleanEnviron(), append(e.vars(), path)...), extra...)
}

func (e *Env) pathVariable() string {
	return e.Tools.Dir + string(os.PathListSeparator) + os.Getenv("PATH")
}

// vars name the proxy in both spellings: programs differ in which one they read.
func (e *Env) vars() []string {
	return append(e.Network.vars(),
		"DOCKER_CONFIG="+filepath.Join(e.Dir, "docker-config"),
		"BUILDX_CONFIG="+filepath.Join(e.Dir, "buildx-config"),
	)
}

// startEnviron is the environment with which this process was started.
var startEnviron = func() func() []string {
	start := os.Environ()
	return func() []string { return slices.Clone(start) }
}()

// cleanEnviron is this process's first environment without what would lead a build
// elsewhere: the user's daemon, builder, credentials and tracing.
func cleanEnviron() []string {
	return slices.DeleteFunc(startEnviron(), func(kv string) bool {
		for _, prefix := range []string{"DOCKER_", "BUILDX_", "BUILDKIT_", "OTEL_", "REGISTRY_", "PULLSAFE_"} {
			if strings.HasPrefix(kv, prefix) {
				return true
			}
		}
		return false
	})
}

// name makes a name, unique in the environment, for a file or a process.
func (e *Env) name(prefix string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serial++
	return prefix + "-" + strconv.Itoa(e.serial)
}

// cached runs f once for the key and returns its result ever after.
func (e *Env) cached(key string, f func() (string, error)) (string, error) {
	e.mu.Lock()
	once, ok := e.once[key]
	if !ok {
		once = sync.OnceValues(f)
		e.once[key] = once
	}
	e.mu.Unlock()
	return once()
}

// WriteFiles writes a folder, such as a build context, and returns its path.
func (e *Env) WriteFiles(files map[string]string) (string, error) {
	_, done, err := e.begin(e.open)
	if err != nil {
		return "", err
	}
	defer done()
	dir := filepath.Join(e.Dir, e.name("files"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", errors.WithStack(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", errors.WithStack(err)
		}
		if err := os.WriteFile(path, []byte(text), fileMode([]byte(text))); err != nil {
			return "", errors.WithStack(err)
		}
	}
	return dir, nil
}
